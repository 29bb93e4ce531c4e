//! How containers leave: the recipient polls us (`offer`), we send (`courier`, over `push`,
//! the HTTP client), or a person uploads a file, which needs nothing from here. And how a
//! register is asked about a person (`inquiry`).

pub mod courier;
pub mod inquiry;
pub mod limits;
pub mod mail;
pub mod offer;
pub mod pause;
pub mod push;
pub mod trace;
