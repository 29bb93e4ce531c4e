//! The cases that travel in the binary: fixtures of the flows, all of people who do not exist.

use jiff::civil::Date;

use crate::flow::fixtures;

#[derive(rust_embed::RustEmbed)]
#[folder = "fixtures/"]
#[allow_missing = true]
struct Fixtures;

/// A case to try.
pub struct Case {
    pub name: String,
    /// The folder, JSON.
    pub folder: String,
    /// The day on which it happens.
    pub today: Option<Date>,
}

/// The names of a flow's cases.
pub fn names(flow: &str) -> Vec<String> {
    let below = format!("{flow}/");
    let mut names: Vec<String> = Fixtures::iter()
        .filter_map(|path| Some(path.strip_prefix(&below)?.strip_suffix("/folder.json")?.to_owned()))
        .collect();
    names.sort();
    names
}

/// One case of a flow.
pub fn find(flow: &str, name: &str) -> Option<Case> {
    let text = |file: &str| {
        let found = Fixtures::get(&format!("{flow}/{name}/{file}"))?;
        String::from_utf8(found.data.into_owned()).ok()
    };
    let folder = text("folder.json")?;
    let day = |text: String| {
        let table: toml::Table = toml::from_str(&text).ok()?;
        table.get("today")?.as_str()?.parse::<Date>().ok()
    };
    let today = text("context.toml").and_then(day).unwrap_or(fixtures::TODAY);
    Some(Case { name: name.to_owned(), folder, today: Some(today) })
}

/// All cases of a flow.
pub fn of(flow: &str) -> Vec<Case> {
    names(flow).iter().filter_map(|name| find(flow, name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_are_found_by_flow_and_by_nothing_else() {
        for flow in Fixtures::iter().filter_map(|path| Some(path.rsplitn(3, '/').nth(2)?.to_owned())).take(5)
        {
            assert!(find(&flow, "../x").is_none());
            assert!(names(&flow).iter().all(|name| find(&flow, name).is_some()), "{flow}");
        }
        assert!(names("nobody/1").is_empty());
    }
}
