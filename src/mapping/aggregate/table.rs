//! Cells: what has been counted so far, with the totals of every axis.

use super::histogram::Histogram;
use rust_decimal::Decimal;

/// Folders, each once. Folders are numbered as they come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Distinct {
    pub count: u64,
    last: u64,
}

impl Distinct {
    /// Counts a folder that it has not just seen; `folder` rises and begins at 1.
    pub const fn see(&mut self, folder: u64) {
        if self.last != folder {
            self.last = folder;
            self.count += 1;
        }
    }

    /// Adds what was counted over other folders.
    pub const fn merge(&mut self, other: Self) {
        self.count += other.count;
    }
}

/// Items, and the folders that they are of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counter {
    pub items: u64,
    pub people: Distinct,
}

impl Counter {
    pub const fn add(&mut self, folder: u64) {
        self.items += 1;
        self.people.see(folder);
    }

    pub const fn merge(&mut self, other: Self) {
        self.items += other.items;
        self.people.merge(other.people);
    }
}

/// One cell of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    /// Items and persons of the population that fall into it.
    pub all: Counter,
    /// Persons who brought something to the sum (more than zero) or to the days.
    pub used: Distinct,
    pub sum: Decimal,
    pub days: Histogram,
}

impl Cell {
    fn merge(&mut self, other: &Self) {
        self.all.merge(other.all);
        self.used.merge(other.used);
        self.sum = self.sum.checked_add(other.sum).unwrap_or(self.sum);
        self.days.merge(&other.days);
    }
}

/// The cells of all axes; on each axis the place after the last group is the total.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    sizes: Vec<usize>,
    cells: Vec<Cell>,
    /// Items that brought a value, that lack one, and whose values contradict each other.
    pub used: Counter,
    pub without: Counter,
    pub contradictory: Counter,
}

impl Table {
    /// An empty table of so many groups on each axis.
    pub fn new(sizes: Vec<usize>) -> Self {
        let cells = sizes.iter().map(|size| size + 1).product();
        Self {
            sizes,
            cells: vec![Cell::default(); cells],
            used: Counter::default(),
            without: Counter::default(),
            contradictory: Counter::default(),
        }
    }

    pub fn sizes(&self) -> &[usize] {
        &self.sizes
    }

    /// Number of cells, totals included.
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// The number of the cell at some place on each axis.
    pub fn index(&self, place: &[usize]) -> usize {
        place.iter().zip(&self.sizes).fold(0, |sum, (at, size)| sum * (size + 1) + at)
    }

    /// The place of a cell on each axis.
    pub fn place(&self, mut index: usize) -> Vec<usize> {
        let mut place: Vec<usize> = self
            .sizes
            .iter()
            .rev()
            .map(|size| {
                let at = index % (size + 1);
                index /= size + 1;
                at
            })
            .collect();
        place.reverse();
        place
    }

    pub fn cell(&self, index: usize) -> &Cell {
        &self.cells[index]
    }

    /// The cell of everything.
    pub fn total(&self) -> &Cell {
        &self.cells[self.cells.len() - 1]
    }

    /// Does something to a cell and to the totals that contain it.
    pub fn touch(&mut self, place: &[usize], mut act: impl FnMut(&mut Cell)) {
        for mask in 0..1_usize << place.len() {
            let chosen: Vec<usize> = place
                .iter()
                .zip(&self.sizes)
                .enumerate()
                .map(|(axis, (at, size))| if mask >> axis & 1 == 1 { *size } else { *at })
                .collect();
            let index = self.index(&chosen);
            act(&mut self.cells[index]);
        }
    }

    /// Every sum that holds: the cell of a total, and the cells that make it up.
    pub fn sums(&self) -> Vec<(usize, Vec<usize>)> {
        let mut sums = Vec::new();
        for index in 0..self.len() {
            let place = self.place(index);
            for (axis, size) in self.sizes.iter().enumerate().filter(|(axis, size)| place[*axis] == **size) {
                let term = |at| {
                    let mut place = place.clone();
                    place[axis] = at;
                    self.index(&place)
                };
                sums.push((index, (0..*size).map(term).collect()));
            }
        }
        sums
    }

    /// Adds what was counted over other folders.
    pub fn merge(&mut self, other: &Self) {
        for (cell, more) in self.cells.iter_mut().zip(&other.cells) {
            cell.merge(more);
        }
        self.used.merge(other.used);
        self.without.merge(other.without);
        self.contradictory.merge(other.contradictory);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_hold_what_their_cells_hold() {
        let mut table = Table::new(vec![2, 3]);
        for (folder, place) in [(1, [0, 0]), (1, [0, 2]), (2, [1, 2])] {
            table.touch(&place, |cell| cell.all.add(folder));
        }
        let items = |index: usize| table.cell(index).all.items;
        for (total, cells) in table.sums() {
            assert_eq!(items(total), cells.into_iter().map(items).sum::<u64>());
        }
        assert_eq!((table.total().all.items, table.total().all.people.count), (3, 2));
        assert_eq!((0..table.len()).filter(|index| table.index(&table.place(*index)) != *index).count(), 0);
        assert_eq!(Table::new(Vec::new()).sums(), []);
    }
}
