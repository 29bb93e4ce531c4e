//! Texts with paths in braces: `{id}~{intervento.id}`, `Patient?identifier={sistema|percent}`.

use super::path::{Names, PathRef, Scope};
use super::transform::{self, Transform};

/// A text made of constants and paths; absent if one of its paths is.
#[derive(Clone, Debug)]
pub struct Template {
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug)]
enum Piece {
    Constant(Box<str>),
    Path(PathRef, Transform),
}

impl Template {
    /// Reads `text`; `{path}` or `{path|transform}` stand for values.
    ///
    /// # Errors
    /// A brace without its other half, no path at all, an unknown transform.
    pub fn parse(text: &str, names: &mut Names) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (inside, behind) = after.split_once('}').ok_or("a brace is not closed")?;
            if !before.is_empty() {
                pieces.push(Piece::Constant(before.into()));
            }
            let (path, name) = inside.split_once('|').unwrap_or((inside, "text"));
            let transform = Transform::parse(name)
                .ok_or_else(|| format!("`{name}` is no transform; the list: {}", transform::NAMES))?;
            pieces.push(Piece::Path(names.path(path)?, transform));
            rest = behind;
        }
        if rest.contains('}') {
            return Err("a brace is not opened".to_owned());
        }
        if !rest.is_empty() {
            pieces.push(Piece::Constant(rest.into()));
        }
        let template = Self { pieces };
        if template.paths().next().is_none() {
            return Err("a template without `{path}` is a `value`".to_owned());
        }
        Ok(template)
    }

    /// The text for one record.
    pub fn text(&self, scope: &Scope<'_>) -> Option<String> {
        let mut out = String::with_capacity(64);
        for piece in &self.pieces {
            match piece {
                Piece::Constant(text) => out.push_str(text),
                Piece::Path(path, transform) => {
                    let value = scope.value(path);
                    if value.is_absent() {
                        return None;
                    }
                    out.push_str(&transform.apply(value)?);
                }
            }
        }
        Some(out)
    }

    /// The paths it reads.
    pub fn paths(&self) -> impl Iterator<Item = &PathRef> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Path(path, _) => Some(path),
            Piece::Constant(_) => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_template_needs_all_its_paths() {
        let mut names = Names::default();
        let mut made = |text: &str| Template::parse(text, &mut names);
        let both = made("a={a.x|percent}~{b}").unwrap();
        let folder = json!({"a": {"x": "1|2"}, "b": "c"});
        let half = json!({"b": "c"});
        for wrong in ["", "x", "{a", "a}", "{a|capital}", "{}", "{a..b}"] {
            assert!(made(wrong).is_err(), "{wrong}");
        }
        assert_eq!(both.text(&names.scope(&folder)).as_deref(), Some("a=1%7C2~c"));
        assert_eq!(both.text(&names.scope(&half)), None);
    }
}
