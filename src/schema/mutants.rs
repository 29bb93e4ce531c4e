//! Mutants: an accepted XML document, each time with something changed.
//!
//! For tests only: the same document and seed give the same mutants. Some
//! remain valid; that is for the validators to say.

use quick_xml::XmlVersion;
use quick_xml::events::Event;
use quick_xml::reader::Reader;

/// Double mutations added at the end, chosen by the seed.
const DOUBLES: usize = 200;

/// Every single mutation of `document`, then some double ones; each with a
/// word on what was done. A document that cannot be read has no mutants.
pub fn mutants(document: &str, seed: u64) -> impl Iterator<Item = (String, String)> {
    let root = parse(document);
    let changes: Vec<Change> = root.iter().flat_map(changes).collect();
    let mut pick = picker(seed);
    let wanted = if changes.is_empty() { 0 } else { DOUBLES };
    let doubles: Vec<_> = (0..wanted).map(|_| vec![pick(changes.len()), pick(changes.len())]).collect();
    let singles = (0..changes.len()).map(|at| vec![at]);
    singles.chain(doubles).filter_map(move |chosen| {
        let mut tree = root.clone()?;
        let mut told = Vec::new();
        for at in chosen {
            apply(&mut tree, &changes[at]);
            told.push(changes[at].label());
        }
        Some((told.join(" + "), written(&tree)))
    })
}

/// Numbers below a given count, the same for the same seed (xorshift).
fn picker(seed: u64) -> impl FnMut(usize) -> usize {
    let mut random = seed | 1;
    move |count| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random % count.max(1) as u64) as usize
    }
}

/// `count` mutants below the level of elements: a piece of markup put in, a
/// character taken out or replaced. Most are not well-formed.
pub fn torn(document: &str, seed: u64, count: usize) -> impl Iterator<Item = (String, String)> {
    const PIECES: [&str; 40] = [
        "<",
        ">",
        "/",
        "\"",
        "'",
        "&",
        " ",
        "=",
        "\n",
        "\t",
        "\r",
        "\0",
        ";",
        "?",
        "!",
        "x",
        "0",
        "-",
        "]]>",
        "<!---->",
        "<![CDATA[]]>",
        "<![CDATA[ ]]>",
        "<?p?>",
        "<?xml version=\"1.0\"?>",
        "<!DOCTYPE a>",
        "&#65;",
        "&amp;",
        "&apos;",
        "&#0;",
        "&x;",
        "<a/>",
        "<a>",
        "</a>",
        " a=\"1\"",
        " xmlns=\"\"",
        " xmlns:a=\"b\"",
        "\u{FEFF}",
        "\u{FFFE}",
        "\u{a0}",
        "\u{7f}",
    ];
    let characters: Vec<char> = document.chars().collect();
    let mut pick = picker(seed);
    (0..count).map(move |_| {
        let (at, piece, taken) = (pick(characters.len()), PIECES[pick(PIECES.len())], pick(3));
        let piece = if pick(4) == 0 { "" } else { piece };
        let rest = &characters[(at + taken).min(characters.len())..];
        let mutant = characters[..at].iter().chain(&piece.chars().collect::<Vec<_>>()).chain(rest).collect();
        (format!("at {at} take {taken}, put {piece:?}"), mutant)
    })
}

#[derive(Clone, Default)]
struct Tree {
    name: String,
    attributes: Vec<(String, String)>,
    children: Vec<Tree>,
    text: String,
}

/// Where (indices of children from the root) and what.
struct Change {
    place: Vec<usize>,
    what: What,
}

enum What {
    DropElement,
    DoubleElement,
    RenameElement,
    SwapWithNext,
    EmptyElement,
    AddChild(String),
    AddText(String),
    SetText(String),
    AddAttribute(&'static str, &'static str),
    DropAttribute(usize),
    DoubleAttribute(usize),
    RenameAttribute(usize),
    SetAttribute(usize, String),
}

impl Change {
    fn label(&self) -> String {
        let place = self.place.iter().map(usize::to_string).collect::<Vec<_>>().join(".");
        let what = match &self.what {
            What::DropElement => "drop the element".into(),
            What::DoubleElement => "double the element".into(),
            What::RenameElement => "rename the element".into(),
            What::SwapWithNext => "swap with the next element".into(),
            What::EmptyElement => "empty the element".into(),
            What::AddChild(name) => format!("add the child {name}"),
            What::AddText(text) => format!("add the text {text:?}"),
            What::SetText(text) => format!("set the text {text:?}"),
            What::AddAttribute(name, value) => format!("add {name}={value:?}"),
            What::DropAttribute(at) => format!("drop attribute {at}"),
            What::DoubleAttribute(at) => format!("double attribute {at}"),
            What::RenameAttribute(at) => format!("rename attribute {at}"),
            What::SetAttribute(at, value) => format!("set attribute {at} to {value:?}"),
        };
        format!("[{place}] {what}")
    }
}

fn changes(root: &Tree) -> Vec<Change> {
    let mut all = Vec::new();
    let mut places = vec![(Vec::new(), root)];
    while let Some((place, tree)) = places.pop() {
        let whats = element_changes(tree).into_iter().chain(attribute_changes(tree));
        all.extend(whats.map(|what| Change { place: place.clone(), what }));
        for (at, child) in tree.children.iter().enumerate() {
            places.push(([place.as_slice(), &[at]].concat(), child));
        }
    }
    all
}

fn element_changes(tree: &Tree) -> Vec<What> {
    let mut all = vec![
        What::DropElement,
        What::DoubleElement,
        What::RenameElement,
        What::SwapWithNext,
        What::EmptyElement,
        What::AddChild("Sconosciuto".into()),
        What::AddChild(tree.name.clone()),
        What::AddText("testo".into()),
        What::AddText(" ".into()),
        What::AddText("\u{a0}".into()),
        What::AddAttribute("Sconosciuto", "1"),
        What::AddAttribute("xmlns", "urn:altro"),
        What::AddAttribute("xmlns", ""),
        What::AddAttribute("xsi:nil", "true"),
        What::AddAttribute("xsi:type", "xs:string"),
        What::AddAttribute("xsi:type", "Sconosciuto"),
        What::AddAttribute("xml:lang", "it"),
    ];
    if !tree.text.trim().is_empty() {
        all.extend(values(&tree.text).into_iter().map(What::SetText));
    }
    all
}

fn attribute_changes(tree: &Tree) -> Vec<What> {
    let mut all = Vec::new();
    for (at, (name, value)) in tree.attributes.iter().enumerate() {
        if name.starts_with("xmlns") {
            all.push(What::SetAttribute(at, value.to_lowercase()));
            all.push(What::DropAttribute(at));
            continue;
        }
        all.extend([What::DropAttribute(at), What::DoubleAttribute(at), What::RenameAttribute(at)]);
        all.extend(values(value).into_iter().map(|value| What::SetAttribute(at, value)));
    }
    all
}

/// What any value may be replaced by.
const FIXED: &[&str] = &[
    "",
    " ",
    "   ",
    "\t",
    "\n",
    "0",
    "1",
    "2",
    "3",
    "4",
    "5",
    "7",
    "8",
    "9",
    "10",
    "12",
    "13",
    "99",
    "I",
    "C",
    "M",
    "-1",
    "+1",
    "+5.0",
    "1.0",
    "01",
    "1,50",
    "1e3",
    "1.234567",
    "12.5",
    "2.05",
    "2.75",
    "02:59",
    ".5",
    "5.",
    "-0.00",
    "0.00",
    "99999999999999999999999999",
    "999999999.99",
    "NaN",
    "INF",
    "2024-02-30",
    "2023-02-29",
    "2024-02-29",
    "2024-02-01Z",
    "2024-02-01+01:00",
    "2024-1-1",
    "0000-01-01",
    "-2024-01-01",
    "12024-01-01",
    "01/02/2024",
    "02/2024",
    "12/1999",
    "2/2024",
    "00/2024",
    "13/2024",
    "02/24",
    "12/1899",
    "01/2100",
    "02-2024",
    "6",
    "11",
    "14",
    "15",
    "AAAAAAAAAAAAAAAAAAA2",
    "AAAAAAAAAAAAAAAAAAA1",
    "AAAAAAAAAAAAAAAAAAAA2",
    "2024-02-29T00:00:00",
    "٢٠٢٤",
    "H501",
    "h501",
    "Z100",
    "H5011",
    "380",
    "38",
    "3800",
    "abc",
    "A1.04",
    "A1.04.02",
    "A0.04",
    "A1.4",
    "ZZZZZ",
    "XXXYYY80A01H501D",
    "xxxyyy80a01h501d",
    "XXXYYY80A0MHRLMT",
    "STP0300123456789",
    "12345678903",
    "12345678903  ",
    "1234567890",
    "true",
    "D'Angelo & <figli> \"x\"",
    "Ñandú €",
    "\u{1F600}",
    "\u{FFFD}",
    "\u{85}",
    "\u{2028}",
];

/// What a value may wrongly (or rightly) become.
fn values(value: &str) -> Vec<String> {
    let fixed = FIXED;
    let mut all: Vec<String> = fixed.iter().map(|&value| value.into()).collect();
    let arabic =
        |digit: char| digit.to_digit(10).and_then(|digit| char::from_u32(0x0660 + digit)).unwrap_or(digit);
    all.push(value.to_lowercase());
    all.push(value.to_uppercase());
    all.push(value.chars().map(arabic).collect());
    all.extend([format!(" {value}"), format!("{value} "), format!("{value}{value}"), format!("-{value}")]);
    all.extend([
        format!("{value}\u{1}"),
        format!("{value}\n"),
        value.replace('.', ","),
        value.replace('-', "/"),
    ]);
    all.extend([5, 9, 31, 33, 36, 37, 50, 51, 101, 200, 201].map(|length| "x".repeat(length)));
    all.extend([36, 37].map(|length| "é".repeat(length)));
    all.push(value.chars().rev().collect());
    all.push(value.chars().skip(1).collect());
    all.retain(|other| other != value);
    all
}

fn apply(root: &mut Tree, change: &Change) {
    let Some((last, parents)) = change.place.split_last() else { return apply_here(root, &change.what) };
    let mut parent = root;
    for at in parents {
        match parent.children.get_mut(*at) {
            Some(child) => parent = child,
            None => return,
        }
    }
    if *last >= parent.children.len() {
        return;
    }
    match &change.what {
        What::DropElement => drop(parent.children.remove(*last)),
        What::DoubleElement => parent.children.insert(*last, parent.children[*last].clone()),
        What::SwapWithNext if last + 1 < parent.children.len() => parent.children.swap(*last, last + 1),
        what => apply_here(&mut parent.children[*last], what),
    }
}

fn apply_here(tree: &mut Tree, what: &What) {
    match what {
        What::RenameElement => tree.name.push('X'),
        What::EmptyElement => (tree.children, tree.text) = (Vec::new(), String::new()),
        What::AddChild(name) => tree.children.push(Tree { name: name.clone(), ..Tree::default() }),
        What::AddText(text) => tree.text.push_str(text),
        What::SetText(text) => tree.text.clone_from(text),
        What::AddAttribute(name, value) => tree.attributes.push(((*name).into(), (*value).into())),
        What::DropElement | What::DoubleElement | What::SwapWithNext => {}
        What::DropAttribute(at) if *at < tree.attributes.len() => drop(tree.attributes.remove(*at)),
        What::DoubleAttribute(at) => tree.attributes.extend(tree.attributes.get(*at).cloned()),
        What::RenameAttribute(at) => {
            tree.attributes.iter_mut().skip(*at).take(1).for_each(|(name, _)| name.push('X'))
        }
        What::SetAttribute(at, new) => {
            tree.attributes.iter_mut().skip(*at).take(1).for_each(|(_, value)| value.clone_from(new));
        }
        What::DropAttribute(_) => {}
    }
}

fn parse(document: &str) -> Option<Tree> {
    let mut reader = Reader::from_str(document);
    let mut open: Vec<Tree> = vec![Tree::default()];
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) => open.push(element(&start)?),
            Event::Empty(start) => open.last_mut()?.children.push(element(&start)?),
            Event::End(_) => {
                let closed = open.pop()?;
                open.last_mut()?.children.push(closed);
            }
            Event::Text(text) => {
                let text = text.xml10_content().ok()?;
                open.last_mut()?.text.push_str(text.trim());
            }
            Event::Eof => return open.pop()?.children.pop(),
            _ => {}
        }
    }
}

fn element(start: &quick_xml::events::BytesStart<'_>) -> Option<Tree> {
    let mut tree = Tree { name: String::from_utf8(start.name().as_ref().to_vec()).ok()?, ..Tree::default() };
    for attribute in start.attributes() {
        let attribute = attribute.ok()?;
        let value = attribute.normalized_value(XmlVersion::Implicit1_0).ok()?;
        tree.attributes.push((String::from_utf8(attribute.key.as_ref().to_vec()).ok()?, value.into_owned()));
    }
    Some(tree)
}

fn written(tree: &Tree) -> String {
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    write(tree, &mut text);
    if text.contains("xsi:") {
        let declared = " xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xmlns:xs=\"http://www.w3.org/2001/XMLSchema\"";
        let at = text.find(&tree.name).map_or(0, |at| at + tree.name.len());
        text.insert_str(at, declared);
    }
    text
}

fn write(tree: &Tree, text: &mut String) {
    text.push('<');
    text.push_str(&tree.name);
    for (name, value) in &tree.attributes {
        text.push_str(&format!(" {name}=\"{}\"", escaped(value)));
    }
    if tree.children.is_empty() && tree.text.is_empty() {
        text.push_str("/>");
        return;
    }
    text.push('>');
    text.push_str(&escaped(&tree.text));
    tree.children.iter().for_each(|child| write(child, text));
    text.push_str(&format!("</{}>", tree.name));
}

fn escaped(value: &str) -> String {
    let value = value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    value.replace('"', "&quot;").replace('\'', "&apos;")
}
