//! The service's book: one SAP per person, read and written with its own means, so that it and the
//! gateway's books are two witnesses. It replaces section 6 by what it is sent and keeps no version.

use std::collections::BTreeMap;

const LIST: (&str, &str) = ("<politiche_attive_lst>", "</politiche_attive_lst>");
const ITEM: (&str, &str) = ("<politiche_attive", "</politiche_attive>");

/// A SAP as it is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// `AA########H`.
    pub code: String,
    /// Inside of `datiinvio`, as it was sent last.
    pub header: String,
    /// Sections 1 to 5, which only the competent body may send.
    pub other: String,
    /// Section 6, item by item, as it was sent.
    pub items: Vec<String>,
    /// How often it was sent.
    pub sends: u64,
}

/// A policy of section 6.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Policy {
    pub promoter: String,
    pub id: String,
}

impl Entry {
    /// Whose and which the policies are, in order.
    pub fn policies(&self) -> Vec<Policy> {
        let value = |item: &str, name: &str| inside(item, name).unwrap_or_default().to_owned();
        let policy = |item: &String| Policy {
            promoter: value(item, "codice_ente_promotore"),
            id: value(item, "identificativo_politica"),
        };
        self.items.iter().map(policy).collect()
    }

    /// The document that `richiestaSAP` gives.
    pub fn document(&self) -> String {
        let (items, header, other) = (self.items.concat(), &self.header, &self.other);
        format!("<lavoratore><datiinvio>{header}</datiinvio>{other}{}{items}{}</lavoratore>", LIST.0, LIST.1)
    }
}

/// All SAPs, by codice fiscale.
#[derive(Debug, Default)]
pub struct Book {
    entries: BTreeMap<String, Entry>,
    given: u64,
}

impl Book {
    /// The SAP of a person.
    pub fn entry(&self, codice_fiscale: &str) -> Option<&Entry> {
        self.entries.get(codice_fiscale)
    }

    /// Every person and their SAP.
    pub fn entries(&self) -> impl Iterator<Item = (&String, &Entry)> {
        self.entries.iter()
    }

    /// Gives a person a SAP, as the competent employment centre does, with these items of section 6.
    pub fn open(&mut self, codice_fiscale: &str, items: &[String]) -> String {
        let code = self.next_code();
        let header = format!(
            "<dataultimoagg>2025-01-01</dataultimoagg><identificativosap>{code}</identificativosap>\
             <codiceentetit>H501C000523</codiceentetit><tipovariazione>01</tipovariazione>"
        );
        let other = format!(
            "<datianagrafici><datipersonali><codicefiscale>{codice_fiscale}</codicefiscale></datipersonali>\
             </datianagrafici><allegato/>"
        );
        let entry = Entry { code: code.clone(), header, other, items: items.to_vec(), sends: 0 };
        self.entries.insert(codice_fiscale.to_owned(), entry);
        code
    }

    /// Replaces section 6 as another writer does that has read it before.
    pub fn overwrite(&mut self, codice_fiscale: &str, items: Vec<String>) {
        if let Some(entry) = self.entries.get_mut(codice_fiscale) {
            entry.items = items;
            entry.sends += 1;
        }
    }

    fn next_code(&mut self) -> String {
        self.given += 1;
        format!("AA{:08}H", self.given)
    }

    pub(super) fn code(&self, codice_fiscale: &str) -> String {
        self.entry(codice_fiscale).map(|entry| entry.code.clone()).unwrap_or_default()
    }

    pub(super) fn document(&self, code: &str) -> String {
        let mut entries = self.entries.values();
        entries.find(|entry| entry.code == code).map(Entry::document).unwrap_or_default()
    }

    /// `ListaDID` of a person: the N00 and A02 of section 6.
    pub(super) fn did(&self, codice_fiscale: &str) -> String {
        let Some(entry) = self.entry(codice_fiscale) else { return String::new() };
        let of = |kind: &str| {
            let mut items = entry.items.iter().rev();
            let item = items.find(|item| inside(item, "tipo_attivita") == Some(kind));
            let content = item.and_then(|item| inside(item, "politiche_attive"));
            content.map(|content| format!("<{kind}>{content}</{kind}>")).unwrap_or_default()
        };
        let (did, pact) = (of("N00"), of("A02"));
        if did.is_empty() && pact.is_empty() {
            return String::new();
        }
        format!("<ListaDID><codicefiscale>{codice_fiscale}</codicefiscale>{did}{pact}</ListaDID>")
    }

    /// `invioSAP`: the identifier, or why it is refused.
    pub(super) fn send(&mut self, document: &str, refused_kinds: &[String]) -> Result<String, String> {
        let header = inside(document, "datiinvio").ok_or("manca la sezione 0")?;
        let items = items(document)?;
        for item in &items {
            check(item, refused_kinds)?;
        }
        match inside(header, "tipovariazione") {
            Some("01") => self.first(document, header, items),
            Some("02") => self.variation(document, header, items),
            _ => Err("tipovariazione non ammesso".to_owned()),
        }
    }

    fn first(&mut self, document: &str, header: &str, items: Vec<String>) -> Result<String, String> {
        let person = inside(document, "codicefiscale").ok_or("manca il codice fiscale")?.to_owned();
        if self.entries.contains_key(&person) {
            return Err("la persona ha già una SAP".to_owned());
        }
        if inside(header, "codiceentetit").is_none() || inside(header, "datadinascita").is_none() {
            return Err("sezione 0 incompleta".to_owned());
        }
        let code = self.next_code();
        let header = format!("{header}<identificativosap>{code}</identificativosap>");
        let other = inside(document, "datianagrafici").unwrap_or_default();
        let other = format!("<datianagrafici>{other}</datianagrafici>");
        self.entries.insert(person, Entry { code: code.clone(), header, other, items, sends: 1 });
        Ok(code)
    }

    fn variation(&mut self, document: &str, header: &str, items: Vec<String>) -> Result<String, String> {
        if document.contains("<datianagrafici>") {
            return Err("sezioni non di competenza".to_owned());
        }
        let code = inside(header, "identificativosap").ok_or("manca identificativosap")?.to_owned();
        let entry = self.entries.values_mut().find(|entry| entry.code == code);
        let entry = entry.ok_or("identificativosap sconosciuto")?;
        if inside(header, "codiceentetit") != inside(&entry.header, "codiceentetit") {
            return Err("la titolarità non si cambia così".to_owned());
        }
        (entry.header, entry.items) = (header.to_owned(), items);
        entry.sends += 1;
        Ok(code)
    }
}

/// What stands in the first element of this name, which has no attributes.
pub(super) fn inside<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let from = text.find(&open)? + open.len();
    let to = text[from..].find(&close)?;
    Some(&text[from..from + to])
}

/// The items of section 6, each with its tags.
fn items(document: &str) -> Result<Vec<String>, String> {
    let list = inside(document, "politiche_attive_lst").ok_or("manca la sezione 6")?;
    let (mut items, mut rest) = (Vec::new(), list.trim());
    while !rest.is_empty() {
        let end = rest.find(ITEM.1).filter(|_| rest.starts_with(ITEM.0));
        let end = end.ok_or("la sezione 6 non si legge")? + ITEM.1.len();
        items.push(rest[..end].to_owned());
        rest = rest[end..].trim();
    }
    Ok(items)
}

/// What the service refuses of an item.
fn check(item: &str, refused_kinds: &[String]) -> Result<(), String> {
    if item.contains("operazione=") || item.contains("codicefiscale=") {
        return Err("attributi non previsti in politiche_attive".to_owned());
    }
    let length = |name: &str| inside(item, name).map_or(0, str::len);
    if !(1..=11).contains(&length("identificativo_politica")) {
        return Err("identificativo_politica non valido".to_owned());
    }
    if length("codice_ente_promotore") != 11 {
        return Err("codice_ente_promotore non valido".to_owned());
    }
    match inside(item, "tipo_attivita") {
        Some(kind) if refused_kinds.iter().any(|refused| refused == kind) => {
            Err(format!("tipo_attivita {kind} non ammesso"))
        }
        _ => Ok(()),
    }
}
