//! What a Comune gives to whom: codes of the SIUSS table, with plausible amounts.
//!
//! "Altro" codes are left out: they ask to be specified. So are the INPS benefits (A4, A7).

/// Which people a folder speaks of; decides age, frailty and services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    Child,
    Poverty,
    Elderly,
    Disabled,
}

/// A service as given.
pub struct Service {
    pub code: &'static str,
    /// Whether its code belongs to those subject to ISEE.
    pub isee: bool,
    /// Monthly, else once.
    pub periodic: bool,
    /// Least and most, in euro: of a month if periodic.
    pub euro: (i64, i64),
    /// Counted in hours of service.
    pub hours: bool,
    /// Registered only when the social service has taken charge.
    pub charge_only: bool,
}

const fn once(code: &'static str, euro: (i64, i64)) -> Service {
    Service { code, isee: true, periodic: false, euro, hours: false, charge_only: false }
}

const fn monthly(code: &'static str, euro: (i64, i64)) -> Service {
    Service { periodic: true, ..once(code, euro) }
}

const fn hourly(code: &'static str, euro: (i64, i64)) -> Service {
    Service { hours: true, ..monthly(code, euro) }
}

/// Not subject to ISEE.
const fn open(service: Service) -> Service {
    Service { isee: false, ..service }
}

/// Not subject to ISEE, and only for those taken in charge (A2.16 to A2.29).
const fn charge(service: Service) -> Service {
    Service { isee: false, charge_only: true, ..service }
}

const CHILD: [Service; 8] = [
    monthly("A1.07", (80, 450)),
    once("A1.09", (60, 300)),
    monthly("A2.12", (40, 120)),
    monthly("A3.03", (150, 600)),
    hourly("A2.11", (120, 700)),
    open(monthly("A1.22", (300, 700))),
    charge(monthly("A2.24", (200, 600))),
    charge(hourly("A2.28", (80, 300))),
];

const POVERTY: [Service; 11] = [
    once("A1.04", (150, 1200)),
    monthly("A1.04", (100, 500)),
    once("A1.05", (200, 1500)),
    once("A1.05.01", (300, 3000)),
    once("A1.06", (50, 400)),
    monthly("A1.18", (300, 600)),
    once("A2.06", (60, 250)),
    monthly("A3.04", (80, 300)),
    charge(once("A2.16", (100, 800))),
    charge(monthly("A2.17", (80, 400))),
    charge(once("A2.22", (40, 200))),
];

const ELDERLY: [Service; 9] = [
    hourly("A2.07", (120, 900)),
    hourly("A2.08", (200, 1100)),
    monthly("A2.13", (90, 260)),
    monthly("A1.11", (200, 700)),
    monthly("A1.14", (400, 1800)),
    once("A1.10", (80, 600)),
    open(monthly("A1.23", (250, 600))),
    charge(monthly("A2.21", (30, 60))),
    charge(once("A2.29", (100, 450))),
];

const DISABLED: [Service; 9] = [
    hourly("A2.07", (150, 1000)),
    monthly("A1.11", (300, 900)),
    monthly("A1.12", (200, 800)),
    monthly("A3.01", (300, 1200)),
    monthly("A3.02", (800, 2600)),
    hourly("A2.02", (120, 700)),
    once("A1.16", (100, 900)),
    open(monthly("A9.01.01", (400, 1200))),
    charge(hourly("A2.20", (60, 300))),
];

/// The services of a profile.
pub const fn of(profile: Profile) -> &'static [Service] {
    match profile {
        Profile::Child => &CHILD,
        Profile::Poverty => &POVERTY,
        Profile::Elderly => &ELDERLY,
        Profile::Disabled => &DISABLED,
    }
}

/// A plain service given once, for planting.
pub const PLAIN_ONCE: Service = once("A1.04", (150, 900));

/// A plain monthly service, for planting.
pub const PLAIN_MONTHLY: Service = monthly("A1.11", (150, 600));
