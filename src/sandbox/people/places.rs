//! Comuni with their Belfiore and ISTAT codes, and foreign states with their birthplace and ISO codes.
//!
//! For made-up people only: the codes were compared with public copies of ISTAT's list, not with the list itself.

/// A comune.
pub struct Comune {
    /// Codice catastale, e.g. `H501`.
    pub belfiore: &'static str,
    /// ISTAT code, six digits; the first three are the province.
    pub istat: &'static str,
}

/// A foreign state.
pub struct State {
    /// `Z` and three digits, as in the codice fiscale.
    pub birthplace: &'static str,
    /// ISO 3166-1 numeric.
    pub iso: &'static str,
}

const fn comune(belfiore: &'static str, istat: &'static str) -> Comune {
    Comune { belfiore, istat }
}

const fn state(birthplace: &'static str, iso: &'static str) -> State {
    State { birthplace, iso }
}

/// Comuni of every Region.
pub const COMUNI: [Comune; 40] = [
    comune("H501", "058091"), // Roma
    comune("F205", "015146"), // Milano
    comune("L219", "001272"), // Torino
    comune("F839", "063049"), // Napoli
    comune("G273", "082053"), // Palermo
    comune("D969", "010025"), // Genova
    comune("A944", "037006"), // Bologna
    comune("D612", "048017"), // Firenze
    comune("A662", "072006"), // Bari
    comune("C351", "087015"), // Catania
    comune("L736", "027042"), // Venezia
    comune("L781", "023091"), // Verona
    comune("F158", "083048"), // Messina
    comune("G224", "028060"), // Padova
    comune("L424", "032006"), // Trieste
    comune("B157", "017029"), // Brescia
    comune("G337", "034027"), // Parma
    comune("L049", "073027"), // Taranto
    comune("F257", "036023"), // Modena
    comune("H224", "080063"), // Reggio di Calabria
    comune("H223", "035033"), // Reggio nell'Emilia
    comune("G478", "054039"), // Perugia
    comune("E625", "049009"), // Livorno
    comune("H199", "039014"), // Ravenna
    comune("B354", "092009"), // Cagliari
    comune("D643", "071024"), // Foggia
    comune("H703", "065116"), // Salerno
    comune("D548", "038008"), // Ferrara
    comune("E472", "059011"), // Latina
    comune("L378", "022205"), // Trento
    comune("A952", "021008"), // Bolzano
    comune("A326", "007003"), // Aosta
    comune("A271", "042002"), // Ancona
    comune("A345", "066049"), // L'Aquila
    comune("G482", "068028"), // Pescara
    comune("B519", "070006"), // Campobasso
    comune("G942", "076063"), // Potenza
    comune("C352", "079023"), // Catanzaro
    comune("L483", "030129"), // Udine
    comune("L117", "055032"), // Terni
];

/// States from which many residents come.
pub const STATES: [State; 12] = [
    state("Z100", "008"), // Albania
    state("Z129", "642"), // Romania
    state("Z138", "804"), // Ucraina
    state("Z140", "498"), // Moldova
    state("Z210", "156"), // Cina
    state("Z216", "608"), // Filippine
    state("Z222", "356"), // India
    state("Z236", "586"), // Pakistan
    state("Z330", "504"), // Marocco
    state("Z335", "566"), // Nigeria
    state("Z336", "818"), // Egitto
    state("Z352", "788"), // Tunisia
];
