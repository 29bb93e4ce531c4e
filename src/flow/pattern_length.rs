//! How long a text that matches a simple pattern can be.
//!
//! Literals, classes, groups, alternatives and the usual quantifiers; anything
//! else gives no answer, and the check then asks for a guard.

/// Fewest and most characters.
pub(super) type Lengths = (usize, Option<usize>);

/// The lengths of `pattern`, anchored or not.
pub(super) fn of(pattern: &str) -> Option<Lengths> {
    let text: Vec<char> = pattern.trim_start_matches('^').trim_end_matches('$').chars().collect();
    let mut reader = Reader { text: &text, at: 0 };
    let lengths = reader.alternatives()?;
    (reader.at == text.len()).then_some(lengths)
}

/// Whether the pattern is of digits only, such as `[0-9]{4}`.
pub(super) fn digits_only(pattern: &str) -> bool {
    let rest = pattern.replace("[0-9]", "").replace("\\d", "");
    rest.chars().all(|letter| letter.is_ascii_digit() || "^$(){},".contains(letter))
}

struct Reader<'p> {
    text: &'p [char],
    at: usize,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<char> {
        let letter = self.text.get(self.at).copied();
        self.at += usize::from(letter.is_some());
        letter
    }

    fn peek(&self) -> Option<char> {
        self.text.get(self.at).copied()
    }

    fn alternatives(&mut self) -> Option<Lengths> {
        let mut lengths = self.sequence()?;
        while self.peek() == Some('|') {
            self.next();
            let (fewest, most) = self.sequence()?;
            lengths = (lengths.0.min(fewest), lengths.1.zip(most).map(|(a, b)| a.max(b)));
        }
        Some(lengths)
    }

    fn sequence(&mut self) -> Option<Lengths> {
        let mut sum: Lengths = (0, Some(0));
        while self.peek().is_some_and(|letter| letter != '|' && letter != ')') {
            let (fewest, most) = self.atom()?;
            let (at_least, at_most) = self.quantifier()?;
            sum.0 += fewest * at_least;
            sum.1 = sum.1.zip(most).zip(at_most).map(|((sum, most), times)| sum + most * times);
        }
        Some(sum)
    }

    fn atom(&mut self) -> Option<Lengths> {
        match self.next()? {
            '(' => {
                if self.peek() == Some('?') {
                    self.at += 1;
                    (self.next()? == ':').then_some(())?;
                }
                let inner = self.alternatives()?;
                (self.next()? == ')').then_some(inner)
            }
            '[' => loop {
                match self.next()? {
                    '\\' => drop(self.next()),
                    ']' => return Some((1, Some(1))),
                    _ => {}
                }
            },
            '\\' => self.next().filter(|letter| !"bBAz".contains(*letter)).map(|_| (1, Some(1))),
            '^' | '$' => None,
            _ => Some((1, Some(1))),
        }
    }

    fn quantifier(&mut self) -> Option<Lengths> {
        let once = (1, Some(1));
        let found = match self.peek() {
            Some('?') => (0, Some(1)),
            Some('*') => (0, None),
            Some('+') => (1, None),
            Some('{') => {
                let rest: String =
                    self.text[self.at + 1..].iter().take_while(|letter| **letter != '}').collect();
                self.at += rest.chars().count() + 2;
                let (fewest, most) = rest.split_once(',').unwrap_or((&rest, &rest));
                let most = if most.is_empty() { None } else { Some(most.parse().ok()?) };
                return Some((fewest.parse().ok()?, most));
            }
            _ => return Some(once),
        };
        self.at += 1;
        Some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn simple_patterns_have_lengths() {
        assert_eq!(of("^([A-Z][0-9]{3})$"), Some((4, Some(4))));
        assert_eq!(of(r"^A[1-9]\.[0-9]{2}(\.[0-9]{2})?$"), Some((5, Some(8))));
        assert_eq!(of("a|bcd"), Some((1, Some(3))));
        assert_eq!(of(r"[0-9]{1,9}x*"), Some((1, None)));
        assert_eq!(of("(a"), None);
    }
}
