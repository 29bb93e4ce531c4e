//! The patterns that occur in our schemas, as automata over ASCII.
//!
//! XML Schema's regular expressions (XSD 1.0 part 2, appendix F), of which
//! this reads literals, classes without negation or subtraction, `\d`,
//! repetition, groups and alternatives. Whatever else a pattern holds makes it
//! "not understood": then the full validator is asked. A match is certain; the
//! absence of one is not (`\d` also matches digits that are not ASCII).

/// Positions of the automaton; a longer pattern is not understood.
const MOST_POSITIONS: usize = 120;
const MOST_STATES: usize = 400;
const DEAD: u16 = 0;

/// A compiled pattern: a table of states × ASCII bytes.
#[derive(Clone, Debug)]
pub struct Pattern {
    next: Vec<[u16; 128]>,
    accepts: Vec<bool>,
}

impl Pattern {
    /// Compiles `source`, or `None` if it holds anything not understood.
    pub fn compile(source: &str) -> Option<Self> {
        let mut parser = Parser { input: source.as_bytes(), at: 0 };
        let tree = parser.alternatives(0)?;
        (parser.at == source.len()).then_some(())?;
        let mut positions = Positions::default();
        let ends = positions.add(&tree)?;
        positions.determine(&ends)
    }

    /// Whether the whole of `text` certainly matches.
    pub fn surely_matches(&self, text: &[u8]) -> bool {
        let mut state = 1_u16;
        for byte in text {
            let Some(row) = self.next.get(usize::from(state)) else { return false };
            state = if *byte < 128 { row[usize::from(*byte)] } else { DEAD };
            if state == DEAD {
                return false;
            }
        }
        self.accepts[usize::from(state)]
    }
}

/// A set of ASCII bytes, or of positions: one bit each.
type Bits = u128;

#[derive(Clone)]
enum Node {
    Class(Bits),
    Sequence(Vec<Node>),
    Either(Vec<Node>),
    /// Fewest, most (`None` = unbounded).
    Repeat(Box<Node>, u32, Option<u32>),
}

struct Parser<'p> {
    input: &'p [u8],
    at: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<u8> {
        self.input.get(self.at).copied()
    }

    fn take(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn alternatives(&mut self, depth: usize) -> Option<Node> {
        (depth < 16).then_some(())?;
        let mut branches = vec![self.sequence(depth)?];
        while self.peek() == Some(b'|') {
            self.at += 1;
            branches.push(self.sequence(depth)?);
        }
        Some(Node::Either(branches))
    }

    fn sequence(&mut self, depth: usize) -> Option<Node> {
        let mut pieces = Vec::new();
        while let Some(byte) = self.peek() {
            if byte == b'|' || byte == b')' {
                break;
            }
            let atom = self.atom(depth)?;
            pieces.push(self.quantified(atom)?);
        }
        Some(Node::Sequence(pieces))
    }

    fn atom(&mut self, depth: usize) -> Option<Node> {
        match self.take()? {
            b'(' => {
                let group = self.alternatives(depth + 1)?;
                (self.take()? == b')').then_some(group)
            }
            b'[' => self.class().map(Node::Class),
            b'.' => Some(Node::Class(!(bit(b'\n') | bit(b'\r')))),
            b'\\' => self.escape().map(Node::Class),
            byte @ (b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9') => Some(Node::Class(bit(byte))),
            byte if b" -_/:,;@#%&=<>!~'\"".contains(&byte) => Some(Node::Class(bit(byte))),
            _ => None,
        }
    }

    fn quantified(&mut self, atom: Node) -> Option<Node> {
        let (fewest, most) = match self.peek() {
            Some(b'?') => (0, Some(1)),
            Some(b'*') => (0, None),
            Some(b'+') => (1, None),
            Some(b'{') => return self.counted(atom),
            _ => return Some(atom),
        };
        self.at += 1;
        self.ends_quantifier(Node::Repeat(Box::new(atom), fewest, most))
    }

    /// A second quantifier is not XML Schema's grammar.
    fn ends_quantifier(&self, node: Node) -> Option<Node> {
        (!matches!(self.peek(), Some(b'?' | b'*' | b'+' | b'{'))).then_some(node)
    }

    fn counted(&mut self, atom: Node) -> Option<Node> {
        self.at += 1;
        let length = self.input.get(self.at..)?.iter().position(|byte| *byte == b'}')?;
        let inside = std::str::from_utf8(&self.input[self.at..self.at + length]).ok()?;
        self.at += length + 1;
        let (fewest, most) = match inside.split_once(',') {
            None => (inside.parse().ok()?, Some(inside.parse().ok()?)),
            Some((fewest, "")) => (fewest.parse().ok()?, None),
            Some((fewest, most)) => (fewest.parse().ok()?, Some(most.parse().ok()?)),
        };
        let small = fewest <= MOST_POSITIONS as u32 && most.is_none_or(|most| most >= fewest);
        small.then_some(())?;
        self.ends_quantifier(Node::Repeat(Box::new(atom), fewest, most))
    }

    fn escape(&mut self) -> Option<Bits> {
        match self.take()? {
            b'd' => Some(range(b'0', b'9')),
            byte if b".\\?*+{}()[]|-^".contains(&byte) => Some(bit(byte)),
            _ => None,
        }
    }

    /// After `[`: single characters, ranges and escapes, no `^`, no subtraction.
    fn class(&mut self) -> Option<Bits> {
        let mut bits: Bits = 0;
        loop {
            let low = match self.take()? {
                b']' => return (bits != 0).then_some(bits),
                b'\\' => {
                    bits |= self.escape()?;
                    (self.peek()? != b'-').then_some(())?;
                    continue;
                }
                byte if byte < 128 && !b"[^-\\".contains(&byte) => byte,
                _ => return None,
            };
            if self.peek()? != b'-' {
                bits |= bit(low);
                continue;
            }
            self.at += 1;
            let high = self.take()?;
            (high.is_ascii_alphanumeric() && high >= low).then_some(())?;
            bits |= range(low, high);
        }
    }
}

fn bit(byte: u8) -> Bits {
    1 << byte
}

fn range(low: u8, high: u8) -> Bits {
    (low..=high).fold(0, |bits, byte| bits | bit(byte))
}

/// Glushkov's construction: one position per class, what may follow each.
#[derive(Default)]
struct Positions {
    classes: Vec<Bits>,
    follow: Vec<Bits>,
}

/// Positions at which a part may begin and end, and whether it may be empty.
#[derive(Clone, Copy)]
struct Ends {
    first: Bits,
    last: Bits,
    empty: bool,
}

impl Positions {
    fn add(&mut self, node: &Node) -> Option<Ends> {
        match node {
            Node::Class(class) => {
                let position = self.classes.len();
                (position < MOST_POSITIONS).then_some(())?;
                self.classes.push(*class);
                self.follow.push(0);
                Some(Ends { first: 1 << position, last: 1 << position, empty: false })
            }
            Node::Sequence(nodes) => {
                let mut ends = Ends { first: 0, last: 0, empty: true };
                for node in nodes {
                    let next = self.add(node)?;
                    ends = self.join(ends, next);
                }
                Some(ends)
            }
            Node::Either(nodes) => {
                let mut ends = Ends { first: 0, last: 0, empty: false };
                for node in nodes {
                    let next = self.add(node)?;
                    ends.first |= next.first;
                    ends.last |= next.last;
                    ends.empty |= next.empty;
                }
                Some(ends)
            }
            Node::Repeat(node, fewest, most) => self.repeat(node, *fewest, *most),
        }
    }

    fn repeat(&mut self, node: &Node, fewest: u32, most: Option<u32>) -> Option<Ends> {
        let mut ends = Ends { first: 0, last: 0, empty: true };
        for _ in 0..fewest {
            let next = self.add(node)?;
            ends = self.join(ends, next);
        }
        match most {
            None => {
                let mut loops = self.add(node)?;
                self.link(loops.last, loops.first);
                loops.empty = true;
                ends = self.join(ends, loops);
            }
            Some(most) => {
                for _ in fewest..most {
                    let next = Ends { empty: true, ..self.add(node)? };
                    ends = self.join(ends, next);
                }
            }
        }
        Some(ends)
    }

    fn link(&mut self, from: Bits, to: Bits) {
        for (position, follow) in self.follow.iter_mut().enumerate() {
            if from >> position & 1 == 1 {
                *follow |= to;
            }
        }
    }

    fn join(&mut self, one: Ends, next: Ends) -> Ends {
        self.link(one.last, next.first);
        Ends {
            first: if one.empty { one.first | next.first } else { one.first },
            last: if next.empty { one.last | next.last } else { next.last },
            empty: one.empty && next.empty,
        }
    }

    /// The subset construction; state 0 is dead, state 1 the start.
    fn determine(&self, ends: &Ends) -> Option<Pattern> {
        let mut states: Vec<(Bits, bool)> = vec![(0, false), (0, true)];
        let mut pattern = Pattern { next: vec![[DEAD; 128]], accepts: vec![false] };
        let mut at = 1;
        while at < states.len() {
            let (set, start) = states[at];
            let reach = if start { ends.first } else { self.follow_of(set) };
            let mut row = [DEAD; 128];
            for byte in 0..128_u8 {
                let target = self.on(reach, byte);
                row[usize::from(byte)] = match states.iter().position(|state| *state == (target, false)) {
                    Some(known) => known as u16,
                    None => {
                        states.push((target, false));
                        (states.len() - 1) as u16
                    }
                };
            }
            (states.len() <= MOST_STATES).then_some(())?;
            pattern.next.push(row);
            pattern.accepts.push(if start { ends.empty } else { set & ends.last != 0 });
            at += 1;
        }
        Some(pattern)
    }

    fn follow_of(&self, set: Bits) -> Bits {
        let members = self.follow.iter().enumerate().filter(|(position, _)| set >> position & 1 == 1);
        members.fold(0, |all, (_, follow)| all | follow)
    }

    fn on(&self, reach: Bits, byte: u8) -> Bits {
        let members = self.classes.iter().enumerate().filter(|(_, class)| *class & bit(byte) != 0);
        members.fold(0, |all, (position, _)| all | (reach & (1 << position)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, matching: &[&str], others: &[&str]) {
        let compiled = Pattern::compile(pattern).expect(pattern);
        for text in matching {
            assert!(compiled.surely_matches(text.as_bytes()), "{pattern} matches {text}");
        }
        for text in others {
            assert!(!compiled.surely_matches(text.as_bytes()), "{pattern} does not match {text}");
        }
    }

    #[test]
    fn matches_whole_values() {
        check(r"[0-9]{2}", &["08"], &["8", "080", "", "0a", "٠٨"]);
        check(
            r"A[1-9]\.[0-9]{2}(\.[0-9]{2})?",
            &["A1.04", "A1.04.02"],
            &["A0.04", "A1x04", "A1.04.", "A1.04.2"],
        );
        check(
            r"[0-9]{1,9}(\.[0-9]{1,2})?",
            &["0", "12.5", "123456789.99"],
            &["1234567890", ".5", "1.", "1.234", "-1"],
        );
        check(
            "[A-Z]{6}[0-9]{2}[A-Z][0-9]{2}[A-Z][A-Z0-9]{3}[A-Z]|[0-9]{11}",
            &["XXXYYY80A01H501D", "12345678903"],
            &["XXXYYY80A01H501", "xxxyyy80a01h501d", "1234567890", "XXXYYY80A01H501DD"],
        );
        check(r"((0[1-9])|(1[0-2]))[/](19|20)[0-9]{2}", &["01/2024", "12/1999"], &["13/2024", "1/2024"]);
        check(r"(ab|a)*c+", &["c", "abac", "aabcc"], &["", "ab", "b"]);
        check("", &[""], &["a"]);
    }

    #[test]
    fn leaves_what_it_does_not_know() {
        for pattern in [
            r"\p{L}+",
            "[^a]",
            "[a-z-[aeiou]]",
            "^a$",
            r"\w",
            "a??",
            "(a",
            "[a",
            "a{2",
            "[a-]",
            "é",
            r"[\d-x]",
        ] {
            assert!(Pattern::compile(pattern).is_none(), "{pattern}");
        }
        assert!(Pattern::compile("[a-z]{0,500}").is_none());
    }
}
