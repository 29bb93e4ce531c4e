//! Arguments and exit codes: 0 fine, 1 findings, 2 could not try.

use std::process::ExitCode;

fn main() -> ExitCode {
    raccordo::cli::main()
}
