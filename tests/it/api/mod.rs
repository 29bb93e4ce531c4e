//! The API as a CSI product meets it: rights, folders, imports, runs, and what is wrong with a request.

mod careful;
mod erase;
mod events;
mod folders;
mod import;
mod openapi;
mod people;
mod requests;
mod rights;
mod tokens;
mod work;
