//! The Python of the tests that ask tools which are not ours.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The Python with everything in `tests/python/requirements.txt`; made here where no one has made
/// it. Not to have it is a failure.
pub fn python() -> PathBuf {
    if let Some(python) = std::env::var_os("RACCORDO_PYTHON") {
        return PathBuf::from(python);
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let wanted = root.join("tests/python/requirements.txt");
    let venv = root.join("target/python");
    let python = venv.join("bin/python");
    let ready = venv.join("ready.txt");
    // Tests run in processes of their own: one makes it, the others wait.
    let lock = std::fs::File::create(root.join("target/python.lock")).expect("the lock is made");
    lock.lock().expect("it is free at last");
    let text = std::fs::read(&wanted).expect("the requirements are there");
    if std::fs::read(&ready).ok().as_ref() != Some(&text) {
        run(Command::new("python3").args(["-m", "venv"]).arg(&venv));
        run(Command::new(&python).args(["-m", "pip", "install", "-q", "-r"]).arg(&wanted));
        std::fs::write(&ready, text).expect("it is noted");
    }
    python
}

fn run(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().expect("the command starts");
    assert!(
        output.status.success(),
        "{command:?} failed:\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
