//! Places that a recipient's text names: FHIRPath, XPath, JSON pointers, names of fields.
//! Only how they are written; what they mean in a payload is for `trace`.

/// A step of a place: a name and, in an array, which element, from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    pub name: String,
    pub index: Option<usize>,
}

/// A place as a text names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// As it stands in the text.
    pub said: String,
    pub words: Vec<Word>,
    /// A name alone means a field only if it can be no ordinary word.
    pub certain: bool,
}

/// Places named at most in one text.
const MOST: usize = 200;

/// Everything in a text that may be a place, in its order.
pub fn locations(text: &str) -> Vec<Location> {
    let text = without_comments(text);
    text.split_whitespace().take(MOST * 10).filter_map(location).take(MOST).collect()
}

/// `a/*x*/.b` to `a.b`: some servers put types into their paths.
fn without_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("/*") {
        let Some((_, after)) = behind.split_once("*/") else { break };
        out.push_str(before);
        rest = after;
    }
    out.push_str(rest);
    out
}

fn location(token: &str) -> Option<Location> {
    const QUOTES: &[char] = &['\'', '"', '«', '»', '“', '”', '‘', '’', '`'];
    const AROUND: &[char] = &['(', ')', ',', ';', ':', '.', '!', '?', '{', '}', '<', '>', '='];
    let bare = token.trim_matches(AROUND);
    let said = bare.trim_matches(|letter| QUOTES.contains(&letter) || AROUND.contains(&letter));
    let quoted = bare.starts_with(QUOTES) || said.starts_with('@');
    if said.is_empty() || said.contains("://") {
        return None;
    }
    let words = if said.contains('/') { slashes(said) } else { dots(said) };
    let is_path = words.len() > 1;
    let is_name = |word: &Word| word.name.chars().any(char::is_alphabetic);
    let certain = is_path || quoted || words.first().is_some_and(|word| is_distinctive(&word.name));
    (words.iter().any(is_name)).then(|| Location { said: said.to_owned(), words, certain })
}

/// A capital or a line inside: `ImportoMensile`, `Id_Rec`, `DSU`.
fn is_distinctive(name: &str) -> bool {
    name.chars().skip(1).any(|letter| letter.is_uppercase() || letter == '_')
}

/// XPath and JSON pointers.
fn slashes(said: &str) -> Vec<Word> {
    let steps: Vec<&str> = said.split('/').filter(|step| !step.is_empty()).collect();
    // XPath counts from 1.
    let xpath = steps.iter().any(|step| step.contains(['[', ':', '@']));
    let mut words: Vec<Word> = Vec::with_capacity(steps.len());
    for step in steps {
        if let (Ok(index), Some(last)) = (step.parse(), words.last_mut()) {
            last.index = Some(index);
            continue;
        }
        let mut word = word(step);
        if xpath {
            word.index = word.index.and_then(|index| index.checked_sub(1));
        }
        words.push(word);
    }
    words
}

/// FHIRPath; its functions (`ofType(X)`) name no place.
fn dots(said: &str) -> Vec<Word> {
    let steps = said.split('.').filter(|step| !step.is_empty() && !step.contains(['(', ')']));
    steps.map(word).collect()
}

/// `f:entry[3]` or `@Nome`: without prefix, with its index as written.
fn word(step: &str) -> Word {
    let local = step.strip_prefix("*[local-name()='").and_then(|rest| rest.split('\'').next());
    let (name, index) = match (local, step.split_once('[')) {
        (Some(local), _) => (local, None),
        (None, Some((name, rest))) => {
            (name, rest.split(']').next().and_then(|index| index.trim().parse().ok()))
        }
        (None, None) => (step, None),
    };
    let name = name.rsplit(':').next().unwrap_or(name).trim_start_matches('@');
    Word { name: name.to_owned(), index }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<String> {
        let word = |word: &Word| match word.index {
            Some(index) => format!("{}[{index}]", word.name),
            None => word.name.clone(),
        };
        let said = |place: &Location| {
            let words: Vec<_> = place.words.iter().map(word).collect();
            format!("{}{}", if place.certain { "" } else { "?" }, words.join("/"))
        };
        locations(text).iter().map(said).collect()
    }

    #[test]
    fn each_language_is_read_as_it_counts() {
        for (text, expected) in [
            ("Bundle.entry[2].resource.status", "Bundle/entry[2]/resource/status"),
            ("(Bundle.entry[2]/*Patient/null*/.resource.name[0])", "Bundle/entry[2]/resource/name[0]"),
            ("Bundle.entry[0].resource.ofType(CarePlan).status", "Bundle/entry[0]/resource/status"),
            ("/f:Bundle/f:entry[3]/f:resource", "Bundle/entry[2]/resource"),
            ("/Flusso/Beneficiario[1]/Anagrafica/@Nome,", "Flusso/Beneficiario[0]/Anagrafica/Nome"),
            ("/entry/2/resource/status", "entry[2]/resource/status"),
            ("ImportoMensile:", "ImportoMensile"),
            ("«Nome»", "Nome"),
            ("@Nome", "Nome"),
            ("Nome", "?Nome"),
        ] {
            assert_eq!(told(text), [expected], "{text}");
        }
        assert!(told("https://asl.example/fhir 12 ...").iter().all(|place| place.starts_with('?')));
    }
}
