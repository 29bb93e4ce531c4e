//! One flow's page: what it is for, what of it is certain, its fields, rules, refusals and codes.

use anyhow::Context;
use toml::Table;

use super::markdown::{code, italian, joined, plain, section, table, tables, text};
use crate::flow::files::Files;

/// What a flow's files say.
pub struct Page {
    id: String,
    mapping: Table,
    rules: Table,
    refusals: Table,
    origin: Table,
    /// Name and number of lines of each code table, and whether its lines are dated.
    codes: Vec<(String, usize, bool)>,
}

impl Page {
    /// Reads a flow's files.
    ///
    /// # Errors
    /// When one of them is no TOML: `raccordo check` says where.
    pub fn read(files: &dyn Files, id: &str) -> anyhow::Result<Self> {
        let toml = |path: String| -> anyhow::Result<Table> {
            files.text(&path).unwrap_or_default().parse().with_context(|| path)
        };
        let codes = files.list(&format!("mappings/{id}/codes"));
        let codes = codes.iter().filter_map(|path| {
            let name = path.rsplit('/').next()?.strip_suffix(".csv")?.to_owned();
            let csv = files.text(path)?;
            let mut lines = csv.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
            let dated = lines.next()?.contains("valid_from");
            Some((name, lines.count(), dated))
        });
        Ok(Self {
            id: id.to_owned(),
            mapping: toml(format!("mappings/{id}/mapping.toml"))?,
            rules: toml(format!("mappings/{id}/rules.toml"))?,
            refusals: toml(format!("mappings/{id}/refusals.toml"))?,
            origin: toml(format!("schemas/{id}/ORIGIN.toml"))?,
            codes: codes.collect(),
        })
    }

    /// Its title, in Italian.
    pub fn title(&self) -> &str {
        italian(self.flow(), "title")
    }

    fn flow(&self) -> &Table {
        static NONE: std::sync::LazyLock<Table> = std::sync::LazyLock::new(Table::new);
        self.mapping.get("flow").and_then(toml::Value::as_table).unwrap_or(&NONE)
    }

    /// The whole page.
    pub fn text(&self) -> String {
        let head = format!(
            "# {}\n\n*Pagina generata dai file di `mappings/{id}` e `schemas/{id}`.*\n\n{}",
            self.title(),
            self.facts(),
            id = self.id
        );
        head + &section("Che cosa è certo e che cosa no", &self.certainty())
            + &section("Scelte dell'ente", &self.settings())
            + &section("Chiavi dell'ente", &self.keys())
            + &self.fields()
            + &section("Regole", &self.rules())
            + &section("Che cosa risponde il destinatario", &self.refusals())
            + &section("Tabelle di codici", &self.codes())
    }

    fn is_aggregate(&self) -> bool {
        tables(&self.mapping, "record").iter().any(|record| text(record, "scope") == "aggregate")
    }

    fn facts(&self) -> String {
        let flow = self.flow();
        let direction = match text(flow, "direction") {
            "inbound" => "in entrata: si chiede al registro, e la risposta diventa proposte",
            _ if self.is_aggregate() => "nessuno: si conta, non si trasmette",
            _ => "in uscita",
        };
        let until = text(flow, "valid_to");
        let until = if until.is_empty() { String::new() } else { format!(" al {until}") };
        let rows = [
            ("Tracciato", code(&self.id)),
            ("Registro", code(text(flow, "register"))),
            ("Verso", direction.to_owned()),
            ("Formato", text(flow, "format").to_uppercase()),
            ("Finalità", plain(italian(flow, "purpose"))),
            ("Base giuridica", plain(text(flow, "legal_basis"))),
            ("In vigore", format!("per invii dal {}{until}", text(flow, "valid_from"))),
            ("Un record", self.records()),
            ("Operazioni", self.operations()),
        ];
        let told = rows.into_iter().filter(|(_, value)| !value.is_empty());
        table(&["", ""], &told.map(|(name, value)| vec![name.to_owned(), value]).collect::<Vec<_>>())
    }

    /// What makes a record.
    fn records(&self) -> String {
        if self.is_aggregate() {
            return String::new();
        }
        let one = |record: &&Table| {
            let each = [text(record, "each"), text(record, "part")].into_iter().find(|part| !part.is_empty());
            let when = text(record, "when");
            let when = if when.is_empty() { String::new() } else { format!(" se {}", code(when)) };
            format!("per {}{when}", code(each.unwrap_or("cartella")))
        };
        tables(&self.mapping, "record").iter().map(one).collect::<Vec<_>>().join("; ")
    }

    fn operations(&self) -> String {
        let Some(operation) = self.mapping.get("operation").and_then(toml::Value::as_table) else {
            return String::new();
        };
        let words = [
            ("replace", "sostituzione"),
            ("cancel", "cancellazione"),
            ("resend", "il record cambiato si rimanda intero"),
        ];
        let known = words.iter().filter(|(key, _)| operation.contains_key(*key)).map(|(_, word)| *word);
        let mut all = vec!["inserimento"];
        all.extend(known);
        if !operation.contains_key("replace") && !operation.contains_key("resend") {
            all.push("una correzione è cancellazione e poi inserimento");
        }
        all.join(", ")
    }

    /// Facts that no primary source confirms come first.
    fn certainty(&self) -> String {
        let documents = match joined(&self.origin, "documents", "; ") {
            none if none.is_empty() => text(&self.origin, "document").to_owned(),
            several => several,
        };
        let mut facts = tables(&self.origin, "facts");
        facts.sort_by_key(|fact| text(fact, "status") == "verified");
        let row = |fact: &&Table| {
            let sure = if text(fact, "status") == "verified" { "sì" } else { "**no**" };
            vec![sure.to_owned(), plain(text(fact, "what")), plain(text(fact, "source"))]
        };
        let rows: Vec<_> = facts.iter().map(row).collect();
        format!(
            "Autorità: {}. Documenti: {}.\n\n{}",
            plain(text(&self.origin, "authority")),
            plain(&documents),
            table(&["Confermato", "Che cosa (in inglese)", "Da dove"], &rows)
        )
    }

    fn settings(&self) -> String {
        let settings = self.flow().get("settings").and_then(toml::Value::as_table);
        let row = |(name, setting): (&String, &toml::Value)| {
            let setting = setting.as_table()?;
            let values = joined(setting, "values", ", ");
            let values = if values.is_empty() { text(setting, "pattern").to_owned() } else { values };
            let (about, default) = (plain(italian(setting, "about")), joined(setting, "default", ", "));
            Some(vec![code(name), code(&values), code(&default), about])
        };
        let rows: Vec<_> = settings.into_iter().flatten().filter_map(row).collect();
        table(&["In `[ente.settings]`", "Valori", "Se manca", "Che cosa decide"], &rows)
    }

    fn keys(&self) -> String {
        let keys = self.flow().get("keys").and_then(toml::Value::as_table);
        let row = |(name, key): (&String, &toml::Value)| {
            Some(vec![code(name), plain(italian(key.as_table()?, "about"))])
        };
        let rows: Vec<_> = keys.into_iter().flatten().filter_map(row).collect();
        table(&["In `[[ente]] keys`", "Che cos'è"], &rows)
    }

    /// The tracciato's fields, a section for each kind of record; or what is counted.
    fn fields(&self) -> String {
        let mut sections = String::new();
        for record in tables(&self.mapping, "record") {
            let kind = text(record, "kind");
            sections += &section(&format!("Campi: {kind}"), &rows(&tables(record, "row")));
        }
        let common = if sections.is_empty() { "Campi" } else { "Campi di ogni record" };
        sections += &section(common, &rows(&tables(&self.mapping, "row")));
        for list in tables(&self.mapping, "list").into_iter().filter(|list| list.contains_key("row")) {
            let heading = format!("Elenco: {}", text(list, "target"));
            sections += &section(&heading, &rows(&tables(list, "row")));
        }
        sections + &section("Indicatori", &self.indicators())
    }

    fn indicators(&self) -> String {
        let row = |one: &&Table| {
            let by = joined(one, "by", ", ");
            vec![code(text(one, "id")), plain(italian(one, "title")), plain(italian(one, "unit")), code(&by)]
        };
        let indicators = tables(&self.mapping, "indicator");
        table(&["Indicatore", "Che cosa", "Unità", "Per"], &indicators.iter().map(row).collect::<Vec<_>>())
    }

    fn rules(&self) -> String {
        let row = |rule: &&Table| {
            let effect = if text(rule, "severity") == "withhold" { "trattiene" } else { "avvisa" };
            let deduced = if text(rule, "status") == "inferred" { " (dedotta)" } else { "" };
            vec![
                code(text(rule, "id")),
                format!("{effect}{deduced}"),
                plain(italian(rule, "message")),
                plain(italian(rule, "hint")),
                plain(text(rule, "source")),
            ]
        };
        let rules = tables(&self.rules, "rule");
        let head = ["Regola", "Effetto", "Che cosa dice", "Che cosa fare", "Fonte"];
        table(&head, &rules.iter().map(row).collect::<Vec<_>>())
    }

    fn refusals(&self) -> String {
        let row = |refusal: &&Table| {
            let signs = [joined(refusal, "code", " "), joined(refusal, "pattern", " ")];
            let signs: Vec<_> = signs.iter().map(|sign| code(sign)).filter(|sign| !sign.is_empty()).collect();
            let (message, hint) = (plain(italian(refusal, "message")), plain(italian(refusal, "hint")));
            vec![signs.join(" "), message, hint]
        };
        let refusals = tables(&self.refusals, "refusal");
        let head = ["Risposta", "Che cosa vuol dire", "Che cosa fare"];
        table(&head, &refusals.iter().map(row).collect::<Vec<_>>())
    }

    fn codes(&self) -> String {
        let row = |(name, lines, dated): &(String, usize, bool)| {
            let dated = if *dated { "sì" } else { "no" };
            vec![code(&format!("codes/{name}.csv")), lines.to_string(), dated.to_owned()]
        };
        table(&["Tabella", "Righe", "Con date"], &self.codes.iter().map(row).collect::<Vec<_>>())
    }
}

/// Rows of a mapping: target, where its value comes from, how it is written, when, why.
fn rows(rows: &[&Table]) -> String {
    let row = |row: &&Table| {
        let constant = joined(row, "value", ", ");
        let from =
            [joined(row, "from", ", "), joined(row, "template", ", ")].into_iter().find(|t| !t.is_empty());
        let from = from.map_or_else(|| format!("costante {}", code(&constant)), |from| code(&from));
        let how = [text(row, "as"), text(row, "codes")].map(code);
        let how: Vec<_> = how.into_iter().filter(|how| !how.is_empty()).collect();
        vec![
            code(text(row, "target")),
            from,
            how.join(", "),
            code(text(row, "when")),
            plain(text(row, "purpose")),
        ]
    };
    let head = ["Campo", "Dalla cartella", "Come", "Quando", "Perché"];
    table(&head, &rows.iter().map(row).collect::<Vec<_>>())
}
