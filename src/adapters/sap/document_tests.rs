//! Reading of SAP documents: what is kept, what is compared, what is not touched.

use super::*;

const CODE: &str = "AA12345678H";
const CF: &str = "XXXYYY80A01H501D";

fn read(source: &str) -> Result<Sap, Unfit> {
    Sap::read(source, CODE, CF)
}

#[test]
fn absent_and_empty_sections_are_normal() {
    for source in [
        "<lavoratore/>",
        "<lavoratore><allegato/></lavoratore>",
        "<lavoratore><datiinvio/><politiche_attive_lst/></lavoratore>",
        "<?xml version='1.0'?><lavoratore><datiinvio><dataultimoagg>2026-01-01</dataultimoagg></datiinvio><allegato/></lavoratore>",
    ] {
        let sap = read(source).ok().unwrap();
        assert!(sap.items.is_empty() && sap.list == "<politiche_attive_lst>" && sap.root == "<lavoratore>");
    }
}

#[test]
fn items_keep_their_bytes_and_the_root_what_it_declares() {
    let item = "<politiche_attive  x='1'><indice_profiling>0.000000000</indice_profiling><nuovo a=\"&amp;\"><![CDATA[<]]></nuovo></politiche_attive >";
    let source = format!(
        "<lavoratore xmlns:x=\"urn:x\"><politiche_attive_lst v='2'>\n {item}<!-- c -->\n<altro/></politiche_attive_lst></lavoratore>"
    );
    let sap = read(&source).ok().unwrap();
    assert_eq!(
        (sap.root.as_str(), sap.list.as_str()),
        ("<lavoratore xmlns:x=\"urn:x\">", "<politiche_attive_lst v='2'>")
    );
    assert_eq!(sap.items.iter().map(|item| item.text.as_str()).collect::<Vec<_>>(), [item, "<altro/>"]);
    assert!(sap.items.iter().all(|item| item.key.is_none()));
}

#[test]
fn what_would_make_a_merge_a_guess_is_not_read() {
    for source in [
        "testo",
        "<sap/>",
        "<x:lavoratore/>",
        "<lavoratore><politiche_attive_lst/><politiche_attive_lst/></lavoratore>",
        "<lavoratore><x:politiche_attive_lst/></lavoratore>",
        "<lavoratore><politiche_attive_lst>testo</politiche_attive_lst></lavoratore>",
        "<lavoratore><datiinvio><identificativosap>AA99999999H</identificativosap></datiinvio></lavoratore>",
        "<lavoratore><datianagrafici><datipersonali><codicefiscale>YYYXXX80A01H501D</codicefiscale></datipersonali></datianagrafici></lavoratore>",
    ] {
        assert!(read(source).is_err(), "{source}");
    }
}

fn item(inside: &str) -> Node {
    tree::read(&format!("<politiche_attive>{inside}</politiche_attive>")).unwrap()
}

#[test]
fn an_item_of_an_unknown_promoter_is_nobodys() {
    let of = |promoter: &str| {
        Key::of(&item(&format!(
            "<codice_ente_promotore>{promoter}</codice_ente_promotore><identificativo_politica>1</identificativo_politica>"
        )))
    };
    assert!(of("A944S003140").is_some());
    assert!(of(UNKNOWN_PROMOTER).is_none() && of("").is_none());
}

#[test]
fn states_are_equal_when_they_say_the_same() {
    let state = |items: &str| {
        read(&format!("<lavoratore><politiche_attive_lst>{items}</politiche_attive_lst></lavoratore>"))
            .ok()
            .unwrap()
            .state()
    };
    let same = |one: &str, other: &str| state(one) == state(other);
    assert!(same("<p><a>1</a><b/></p>", "\n<p>\n <a>1</a> <b></b></p>"));
    assert!(!same("<p><a>1</a></p>", "<p><a>2</a></p>"));
    assert!(!same("<p/><q/>", "<q/><p/>"), "the order is part of it");
    assert!(!same("<p/>", "<p/><p/>"));
    assert!(!same("<p><a/><b/></p>", "<p><a><b/></a></p>"));
}

#[test]
fn what_stands_may_say_more_but_nothing_else() {
    let wanted = item("<indice_profiling>0.000000000</indice_profiling><data>2026-01-01</data>");
    let stands = |inside: &str| says(&item(inside), &wanted);
    assert!(stands("<data>2026-01-01</data><indice_profiling>0.00</indice_profiling><altro>1</altro>"));
    assert!(!stands("<indice_profiling>0.1</indice_profiling><data>2026-01-01</data>"));
    assert!(!stands("<indice_profiling>0.000000000</indice_profiling>"));
    let id = item("<identificativo_politica>0012</identificativo_politica>");
    assert!(!says(&item("<identificativo_politica>12</identificativo_politica>"), &id), "no decimal");
}
