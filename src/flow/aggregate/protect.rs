//! Small cells: which numbers are not published, so that none of them can be computed from the others.
//!
//! The numbers that are given out are unknowns, and every sum among them is an equation: tables with
//! their margins, populations with their parts, the reconciliation. A number of 1 to threshold − 1
//! persons is suppressed. Then further ones are, until
//! - no equation has a single suppressed number;
//! - in every equation whose total is published, each suppressed number could be, as far as the
//!   equation tells, anything from 1 to the threshold;
//! - no suppressed number follows from all equations together (linear algebra, exact).
//!
//! Nothing says which of them are small and which only protect others.

/// A number that is given out, or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number {
    /// Persons behind it.
    pub people: u64,
    pub suppressed: bool,
}

/// A total and what it is the sum of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Equation {
    pub total: usize,
    pub terms: Vec<usize>,
}

/// All numbers of one publication, and how they hang together.
#[derive(Clone, Debug, Default)]
pub struct System {
    pub threshold: u64,
    pub numbers: Vec<Number>,
    pub equations: Vec<Equation>,
    /// Where the first is suppressed, the second is too.
    implied: Vec<(usize, usize)>,
}

impl System {
    pub fn new(threshold: u64) -> Self {
        Self { threshold, ..Self::default() }
    }

    /// Whether so many persons are too few, and not nobody.
    pub const fn is_small(&self, people: u64) -> bool {
        0 < people && people < self.threshold
    }

    /// Adds a number; returns its place.
    pub fn number(&mut self, people: u64) -> usize {
        self.numbers.push(Number { people, suppressed: self.is_small(people) });
        self.numbers.len() - 1
    }

    /// Suppresses a number for a reason of its own.
    pub fn suppress(&mut self, number: usize) {
        self.numbers[number].suppressed = true;
    }

    /// Notes that `total` is the sum of `terms`.
    pub fn sum(&mut self, total: usize, terms: Vec<usize>) {
        self.equations.push(Equation { total, terms });
    }

    /// Notes that `second` may not be told where `first` is not.
    pub fn imply(&mut self, first: usize, second: usize) {
        self.implied.push((first, second));
    }

    pub fn is_suppressed(&self, number: usize) -> bool {
        self.numbers[number].suppressed
    }

    /// Suppresses what must be, and nothing when all is well.
    pub fn protect(&mut self) {
        loop {
            while self.imply_all() | self.protect_equations() {}
            let determined = self.determined();
            let Some(number) = determined.iter().find_map(|number| self.companion(*number)) else { return };
            self.suppress(number);
        }
    }

    fn imply_all(&mut self) -> bool {
        let mut moved = false;
        for index in 0..self.implied.len() {
            let (first, second) = self.implied[index];
            if self.is_suppressed(first) && !self.is_suppressed(second) {
                self.suppress(second);
                moved = true;
            }
        }
        moved
    }

    fn protect_equations(&mut self) -> bool {
        let mut moved = false;
        for index in 0..self.equations.len() {
            while self.betrays(&self.equations[index])
                && let Some(number) = self.next_to_suppress(&self.equations[index])
            {
                self.suppress(number);
                moved = true;
            }
        }
        moved
    }

    /// Whether an equation alone tells too much of a suppressed number.
    pub fn betrays(&self, equation: &Equation) -> bool {
        let hidden = equation.terms.iter().map(|term| self.numbers[*term]).filter(|term| term.suppressed);
        let (count, people) = hidden.fold((0, 0), |(count, people), term| (count + 1, people + term.people));
        match (self.is_suppressed(equation.total), count) {
            (false, 0) => false,
            // Each holds at least one person: the others leave it 1 to people − count + 1.
            (false, count) => count < 2 || people + 1 < count + self.threshold,
            (true, count) => count == 0,
        }
    }

    /// The smallest number of an equation that still could hide: a term before the total.
    fn next_to_suppress(&self, equation: &Equation) -> Option<usize> {
        let open = |number: &&usize| {
            let number = self.numbers[**number];
            !number.suppressed && number.people > 0
        };
        let terms = equation.terms.iter().filter(open);
        let term = terms.min_by_key(|term| (self.is_total(**term), self.numbers[**term].people));
        term.or_else(|| Some(&equation.total).filter(open)).copied()
    }

    fn is_total(&self, number: usize) -> bool {
        self.equations.iter().any(|equation| equation.total == number)
    }

    /// A number whose suppression helps one that follows from the equations.
    fn companion(&self, determined: usize) -> Option<usize> {
        let holds =
            |equation: &&Equation| equation.total == determined || equation.terms.contains(&determined);
        let near = self.equations.iter().filter(holds).find_map(|equation| self.next_to_suppress(equation));
        near.or_else(|| {
            self.equations.iter().find_map(|equation| {
                let hidden = |number: &usize| self.is_suppressed(*number);
                let touched = hidden(&equation.total) || equation.terms.iter().any(hidden);
                self.next_to_suppress(equation).filter(|_| touched)
            })
        })
    }

    /// Suppressed numbers that follow from all equations together.
    pub fn determined(&self) -> Vec<usize> {
        let unknowns: Vec<usize> =
            (0..self.numbers.len()).filter(|number| self.is_suppressed(*number)).collect();
        let mut column = vec![usize::MAX; self.numbers.len()];
        unknowns.iter().enumerate().for_each(|(at, number)| column[*number] = at);
        let mut rows: Vec<Vec<u64>> = Vec::new();
        for equation in &self.equations {
            let mut row = vec![0; unknowns.len()];
            let mut put = |number: usize, sign: u64| {
                if let Some(cell) = row.get_mut(column[number]) {
                    *cell = (*cell + sign) % PRIME;
                }
            };
            put(equation.total, PRIME - 1);
            equation.terms.iter().for_each(|term| put(*term, 1));
            if row.iter().any(|cell| *cell != 0) {
                rows.push(row);
            }
        }
        let alone = reduce(&mut rows, unknowns.len());
        alone.into_iter().map(|at| unknowns[at]).collect()
    }
}

/// Arithmetic is exact modulo this prime; coefficients are −1, 0 and 1.
const PRIME: u64 = 2_147_483_647;

/// Brings rows to their reduced echelon form; the columns that stand alone in a row.
fn reduce(rows: &mut [Vec<u64>], columns: usize) -> Vec<usize> {
    let mut done = 0;
    for column in 0..columns {
        let Some(found) = (done..rows.len()).find(|row| rows[*row][column] != 0) else { continue };
        rows.swap(done, found);
        let inverse = power(rows[done][column], PRIME - 2);
        rows[done].iter_mut().for_each(|cell| *cell = *cell * inverse % PRIME);
        let pivot = rows[done].clone();
        for (index, row) in rows.iter_mut().enumerate() {
            let factor = row[column];
            if index != done && factor != 0 {
                let take =
                    |(cell, pivot): (&mut u64, &u64)| *cell = (*cell + (PRIME - factor) * pivot) % PRIME;
                row.iter_mut().zip(&pivot).for_each(take);
            }
        }
        done += 1;
    }
    let alone = |row: &Vec<u64>| {
        let mut places = row.iter().enumerate().filter(|(_, cell)| **cell != 0).map(|(at, _)| at);
        places.next().filter(|_| places.next().is_none())
    };
    rows[..done].iter().filter_map(alone).collect()
}

fn power(mut base: u64, mut exponent: u64) -> u64 {
    let mut result = 1;
    while exponent > 0 {
        if exponent & 1 == 1 {
            result = result * base % PRIME;
        }
        base = base * base % PRIME;
        exponent >>= 1;
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapping::aggregate::Table;
    use proptest::prelude::*;

    /// A line of cells with its total.
    fn line(threshold: u64, cells: &[u64]) -> System {
        let mut system = System::new(threshold);
        let terms: Vec<usize> = cells.iter().map(|people| system.number(*people)).collect();
        let total = system.number(cells.iter().sum());
        system.sum(total, terms);
        system.protect();
        system
    }

    fn shown(threshold: u64, cells: &[u64]) -> String {
        let system = line(threshold, cells);
        let one = |number: &Number| if number.suppressed { "*".into() } else { number.people.to_string() };
        system.numbers.iter().map(one).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_single_small_cell_takes_another_with_it() {
        assert_eq!(shown(5, &[3, 9, 0, 20]), "* * 0 20 32");
        assert_eq!(shown(5, &[6, 9, 0, 20]), "6 9 0 20 35", "nothing is small");
    }

    #[test]
    fn what_two_cells_leave_of_their_total_does_not_tell_them() {
        assert_eq!(shown(5, &[1, 1, 8, 9]), "* * * 9 19", "1 + 1 would be the only way");
        assert_eq!(shown(5, &[4, 1, 0]), "* * 0 *", "1 + 4: no other cell, so the total goes");
    }

    #[test]
    fn nobody_is_told_as_nobody() {
        assert_eq!(shown(5, &[0, 0, 7]), "0 0 7 7");
        assert_eq!(shown(5, &[3, 0]), "* 0 *");
    }

    /// A two-way table; totals are the cells' sums.
    fn two_way(threshold: u64, rows: usize, cells: &[u64]) -> System {
        let columns = cells.len() / rows;
        let mut table = Table::new(vec![rows, columns]);
        for (index, people) in cells.iter().enumerate() {
            for folder in 0..*people {
                let folder = 1 + index as u64 * 1_000 + folder;
                table.touch(&[index / columns, index % columns], |cell| cell.all.add(folder));
            }
        }
        let mut system = System::new(threshold);
        for index in 0..table.len() {
            system.number(table.cell(index).all.people.count);
        }
        for (total, terms) in table.sums() {
            system.sum(total, terms);
        }
        system.protect();
        system
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        /// By subtraction along any margin, and by all of them together.
        #[test]
        fn no_suppressed_cell_follows_from_what_is_published(
            threshold in 3_u64..12,
            rows in 1_usize..5,
            columns in 1_usize..5,
            cells in proptest::collection::vec(prop_oneof![Just(0_u64), 1_u64..6, 4_u64..40], 16),
        ) {
            let system = two_way(threshold, rows, &cells[..rows * columns]);
            for number in &system.numbers {
                prop_assert!(number.suppressed || !system.is_small(number.people), "small and published");
                prop_assert!(!number.suppressed || number.people > 0, "nobody is told as nobody");
            }
            for equation in &system.equations {
                let hidden = equation.terms.iter().chain([&equation.total]);
                let hidden = hidden.filter(|number| system.is_suppressed(**number)).count();
                prop_assert_ne!(hidden, 1, "one unknown: subtraction gives it");
                prop_assert!(!system.betrays(equation));
            }
            prop_assert_eq!(system.determined(), Vec::<usize>::new());
        }
    }

    #[test]
    fn two_blocks_joined_by_a_bridge_do_not_tell_the_bridge() {
        // Each row and column would have two unknowns or more, and the cell between the blocks still follow.
        let mut system = System::new(5);
        let cells: Vec<usize> = (0..16).map(|_| system.number(50)).collect();
        let totals: Vec<usize> = (0..8).map(|_| system.number(200)).collect();
        for at in 0..4 {
            system.sum(totals[at], (0..4).map(|column| cells[at * 4 + column]).collect());
            system.sum(totals[4 + at], (0..4).map(|row| cells[row * 4 + at]).collect());
        }
        for (row, column) in [(0, 0), (0, 1), (1, 0), (1, 1), (2, 2), (2, 3), (3, 2), (3, 3), (1, 2)] {
            system.suppress(cells[row * 4 + column]);
        }
        assert!(system.equations.iter().all(|equation| !system.betrays(equation)));
        assert_eq!(system.determined(), [cells[4 + 2]]);
        system.protect();
        assert_eq!(system.determined(), Vec::<usize>::new());
    }
}
