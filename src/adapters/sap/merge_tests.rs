//! The merge in both directions: what is foreign stays, what is ours is replaced.

use super::super::document::State;
use super::super::interleaving_tests::{item, order, sap};
use super::*;

const US: &str = "A944S003140";
const THEM: &str = "H501C000523";

fn merged(stands: &str, wanted: &[(char, &str, &str)]) -> String {
    let written = merge(&sap(stands), Some("AA12345678H"), &order("PARCEL", US, wanted));
    let text = written.text.expose();
    let list = text.split_once("<politiche_attive_lst>").unwrap().1;
    list.split_once("</politiche_attive_lst>").unwrap().0.to_owned()
}

#[test]
fn foreign_items_stay_where_and_as_they_are() {
    let foreign = item(THEM, "F1", "x");
    let unknown = item("00000000000", "A1", "x");
    let strange = "<politiche_attive attr='1'>\n <nuovo>0.000000000</nuovo></politiche_attive>";
    let stands = format!("{foreign}{}{unknown}{strange}", item(US, "A1", "old"));
    let expected = format!("{foreign}{}{unknown}{strange}{}", item(US, "A1", "new"), item(US, "A2", "new"));
    assert_eq!(merged(&stands, &[('R', "A1", "new"), ('I', "A2", "new")]), expected);
}

#[test]
fn the_same_identifier_of_another_promoter_is_another_policy() {
    let stands = format!("{}{}", item(THEM, "A1", "theirs"), item(US, "A1", "ours"));
    assert_eq!(merged(&stands, &[('C', "A1", "ours")]), item(THEM, "A1", "theirs"));
    let only = item(THEM, "A1", "theirs");
    assert_eq!(merged(&only, &[('I', "A1", "ours")]), format!("{only}{}", item(US, "A1", "ours")));
}

#[test]
fn ours_of_which_nothing_is_ordered_stay() {
    let stands = format!("{}{}", item(US, "A1", "1"), item(US, "A2", "2"));
    assert_eq!(merged(&stands, &[('C', "A2", "2")]), item(US, "A1", "1"));
    assert_eq!(merged(&stands, &[('C', "A9", "9")]), stands, "a cancel of what is not there");
}

#[test]
fn a_double_of_ours_becomes_one_and_an_insert_of_what_is_there_replaces_it() {
    let stands = format!("{}{}{}", item(US, "A1", "1"), item(THEM, "F", "f"), item(US, "A1", "2"));
    let expected = format!("{}{}", item(US, "A1", "new"), item(THEM, "F", "f"));
    assert_eq!(merged(&stands, &[('I', "A1", "new")]), expected);
    assert_eq!(merged(&stands, &[('C', "A1", "new")]), item(THEM, "F", "f"));
}

#[test]
fn only_the_sections_we_are_competent_for_are_sent() {
    let source = "<lavoratore xmlns:x=\"urn:x\"><datiinvio><dataultimoagg>2020-01-01</dataultimoagg>\
        <identificativosap>AA12345678H</identificativosap><codiceentetit>H501C000523</codiceentetit>\
        <tipovariazione>01</tipovariazione><altro>1</altro></datiinvio>\
        <datianagrafici><datipersonali><codicefiscale>XXXYYY80A01H501D</codicefiscale></datipersonali></datianagrafici>\
        <allegato/></lavoratore>";
    let sap = Sap::read(source, "AA12345678H", "XXXYYY80A01H501D").ok().unwrap();
    let order = order("PARCEL", US, &[('I', "A1", "new")]);
    let written = merge(&sap, Some("AA12345678H"), &order);
    assert_eq!(
        written.text.expose().as_str(),
        format!(
            "<lavoratore xmlns:x=\"urn:x\"><datiinvio><dataultimoagg>2026-03-01</dataultimoagg>\
             <identificativosap>AA12345678H</identificativosap><codiceentetit>H501C000523</codiceentetit>\
             <tipovariazione>02</tipovariazione><altro>1</altro></datiinvio>\
             <politiche_attive_lst>{}</politiche_attive_lst></lavoratore>",
            item(US, "A1", "new")
        )
    );
    let first = merge(&Sap::empty(), None, &order);
    assert_eq!(
        first.text.expose().as_str(),
        format!(
            "<lavoratore><datiinvio><dataultimoagg>2026-03-01</dataultimoagg><codiceentetit>{US}</codiceentetit>\
             <tipovariazione>01</tipovariazione><datadinascita>1980-01-01</datadinascita></datiinvio>\
             <datianagrafici><datipersonali><codicefiscale>XXXYYY80A01H501D</codicefiscale></datipersonali></datianagrafici>\
             <politiche_attive_lst>{}</politiche_attive_lst></lavoratore>",
            item(US, "A1", "new")
        )
    );
}

#[test]
fn what_stands_is_told_from_what_was_ordered() {
    let of =
        |stands: &str, kind: char| standing(&sap(stands), &order("P", US, &[(kind, "A1", "new")]).ours[0]);
    assert_eq!(of("", 'I'), Standing::NotDone);
    assert_eq!(of("", 'C'), Standing::Done);
    assert_eq!(of(&item(US, "A1", "new"), 'I'), Standing::Done);
    assert_eq!(of(&item(US, "A1", "new"), 'C'), Standing::NotDone);
    assert_eq!(of(&item(US, "A1", "old"), 'R'), Standing::Otherwise);
    assert_eq!(of(&item(THEM, "A1", "new"), 'I'), Standing::NotDone);
    assert_eq!(of(&item(US, "A1", "new").repeat(2), 'I'), Standing::Otherwise, "doubled");
    let state: State = sap(&item(US, "A1", "new")).state();
    assert_eq!(state.short().len(), 6);
}
