//! A Rust file as the house rules see it: without comments, without the insides of
//! strings, without its unit tests. A small lexer, no parser: what it can't see, clippy does.

use std::path::{Path, PathBuf};

/// One file and its views; all views have the same length and lines.
pub struct Source {
    /// From the repository's root, with `/`.
    pub path: String,
    pub text: String,
    /// Comments blanked.
    pub code: String,
    /// Comments and the insides of literals blanked.
    pub bare: String,
    /// The whole file is test code.
    pub is_test: bool,
}

impl Source {
    fn new(path: String, text: String) -> Self {
        let (code, bare) = (blank(&text, false), blank(&text, true));
        let name = path.rsplit('/').next().unwrap_or_default();
        let is_test = path.starts_with("tests/") || name == "tests.rs" || name.ends_with("_tests.rs");
        Self { path, text, code, bare, is_test }
    }

    /// `code` or `bare` without what stands under `#[cfg(test)]`.
    pub fn live(&self, view: &str) -> String {
        let mut live = view.to_owned();
        for (from, to) in test_spans(&self.bare) {
            live.replace_range(from..to, &blanked(&view[from..to]));
        }
        live
    }

    /// The room (first directory, or file) below `src/`; `None` for `lib.rs`, `main.rs` and others.
    pub fn room(&self) -> Option<&str> {
        let inside = self.path.strip_prefix("src/")?;
        let room = inside.split('/').next()?.trim_end_matches(".rs");
        (room != "lib" && room != "main").then_some(room)
    }

    /// 1-based line of a byte.
    pub fn line(&self, at: usize) -> usize {
        self.text[..at].matches('\n').count() + 1
    }
}

/// The repository's root.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All Rust files of the project.
pub fn sources() -> Vec<Source> {
    let rust = files().into_iter().filter(|path| path.ends_with(".rs"));
    rust.map(|path| Source::new(path.clone(), std::fs::read_to_string(root().join(path)).unwrap())).collect()
}

/// All files of the project, from its root; not what it builds or keeps.
pub fn files() -> Vec<String> {
    let mut found = Vec::new();
    walk(&root(), &mut found);
    found.sort();
    found
}

fn walk(directory: &Path, found: &mut Vec<String>) {
    for entry in directory.read_dir().unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let kept = ["target", "data", "raccordo-demo", ".git", "node_modules", "__pycache__"];
        let skipped = kept.contains(&name.as_str());
        if skipped {
            continue;
        }
        if path.is_dir() {
            walk(&path, found);
        } else {
            found.push(path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/"));
        }
    }
}

/// Same length and lines, nothing to see.
fn blanked(text: &str) -> String {
    text.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }).collect()
}

/// Blanks comments, and the insides of literals too if asked.
fn blank(text: &str, literals: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let (length, what) = token(rest, out.as_bytes().last().copied());
        let (now, later) = rest.split_at(length);
        let hide = what == Token::Comment || (literals && what == Token::Literal);
        out.push_str(&if hide { blanked(now) } else { now.to_owned() });
        rest = later;
    }
    out
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Token {
    Comment,
    Literal,
    Other,
}

/// Length and kind of what `rest` begins with.
fn token(rest: &str, before: Option<u8>) -> (usize, Token) {
    let inside_word = before.is_some_and(is_word);
    if rest.starts_with("//") {
        return (rest.find('\n').unwrap_or(rest.len()), Token::Comment);
    }
    if rest.starts_with("/*") {
        return (block_comment(rest), Token::Comment);
    }
    if let Some(length) = raw_string(rest).filter(|_| !inside_word) {
        return (length, Token::Literal);
    }
    if rest.starts_with('"') {
        return (closed_by(rest, b'"'), Token::Literal);
    }
    if rest.starts_with('\'') && is_char(rest) {
        return (closed_by(rest, b'\''), Token::Literal);
    }
    (rest.chars().next().map_or(1, char::len_utf8), Token::Other)
}

fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        match &rest.as_bytes()[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// `r"…"`, `r#"…"#`, and the same behind `b` or `c`.
fn raw_string(rest: &str) -> Option<usize> {
    let after = rest.strip_prefix(['b', 'c']).unwrap_or(rest).strip_prefix('r')?;
    let hashes = after.len() - after.trim_start_matches('#').len();
    let body = after[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    Some(rest.len() - body.len() + body.find(&end)? + end.len())
}

fn closed_by(rest: &str, quote: u8) -> usize {
    let bytes = rest.as_bytes();
    let mut at = 1;
    while at < bytes.len() && bytes[at] != quote {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(bytes.len())
}

/// `'x'` or `'\n'`, not the lifetime `'x`.
fn is_char(rest: &str) -> bool {
    let mut chars = rest.chars().skip(1);
    chars.next() == Some('\\') || chars.next() == Some('\'')
}

/// Whether a byte belongs to an identifier.
pub fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Where `word` stands as a whole word.
pub fn words<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let alone = |at: usize| {
        let before = at.checked_sub(1).map(|at| text.as_bytes()[at]);
        let after = text.as_bytes().get(at + word.len()).copied();
        !before.is_some_and(is_word) && !after.is_some_and(is_word)
    };
    text.match_indices(word).map(|(at, _)| at).filter(move |at| alone(*at))
}

/// The byte after the `}` that closes the `{` at `open`.
pub fn matching(bare: &str, open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in bare.bytes().enumerate().skip(open) {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 1 => return at + 1,
            b'}' => depth -= 1,
            _ => {}
        }
    }
    bare.len()
}

/// From each `#[cfg(test)]` to the end of the item it stands on.
fn test_spans(bare: &str) -> Vec<(usize, usize)> {
    let starts = bare.match_indices("#[cfg(test)]").map(|(at, _)| at);
    let end = |from: usize| match bare[from..].find(['{', ';']).map(|at| from + at) {
        Some(at) if bare.as_bytes()[at] == b'{' => matching(bare, at),
        Some(at) => at + 1,
        None => bare.len(),
    };
    let mut spans: Vec<(usize, usize)> = Vec::new();
    for from in starts {
        if spans.last().is_none_or(|(_, last)| *last <= from) {
            spans.push((from, end(from)));
        }
    }
    spans
}

#[test]
fn the_lexer_tells_code_from_what_only_looks_like_it() {
    let text = "let a = \"x // {\"; // } c\n/* { /* } */ */ let b = '{'; let c: &'a str = r#\"}\"\"#;\n\
                #[cfg(test)]\nmod tests { fn f() {} }\nfn g() {}";
    let source = Source::new("src/x.rs".into(), text.into());
    assert_eq!(source.bare.len(), text.len());
    assert_eq!(source.bare.matches(['{', '}']).collect::<String>(), "{{}}{}");
    assert!(source.code.contains("x // {") && !source.code.contains("} c"));
    assert!(source.bare.contains("let c: &'a str ="));
    assert_eq!(source.live(&source.bare).matches("fn").collect::<Vec<_>>().len(), 1);
}
