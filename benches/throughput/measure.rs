//! CPU time and memory as the kernel accounts them; no figure by wall clock alone.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

/// Kernel ticks per second in /proc/<pid>/stat: fixed at 100 for user space on Linux.
const TICK: Duration = Duration::from_millis(10);

/// CPU time and wall clock of this process, all threads, from a moment on.
pub struct Span {
    cpu: Duration,
    wall: Instant,
}

impl Span {
    /// From now on.
    pub fn begin() -> Result<Self> {
        Ok(Self { cpu: process_cpu()?, wall: Instant::now() })
    }

    /// (CPU, wall) in seconds since the beginning; CPU to 10 ms.
    pub fn seconds(&self) -> Result<(f64, f64)> {
        let wall = self.wall.elapsed().as_secs_f64();
        Ok(((process_cpu()?.saturating_sub(self.cpu)).as_secs_f64(), wall))
    }
}

/// User and system time of this process, threads that ended included.
fn process_cpu() -> Result<Duration> {
    let text = fs::read_to_string("/proc/self/stat")?;
    // The command's name, in parentheses, may hold blanks; utime and stime are fields 14 and 15.
    let behind = text.rsplit_once(')').context("/proc/self/stat")?.1;
    let fields: Vec<&str> = behind.split_whitespace().collect();
    let ticks: u32 = fields[11].parse::<u32>()? + fields[12].parse::<u32>()?;
    Ok(TICK * ticks)
}

/// CPU time of this thread in nanoseconds.
pub fn thread_cpu() -> Result<Duration> {
    // The kernel brings its account up to date when a thread offers its turn.
    std::thread::yield_now();
    let text = fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds = text.split_whitespace().next().context("schedstat")?.parse()?;
    Ok(Duration::from_nanos(nanoseconds))
}

/// `VmHWM` or `VmRSS` of a process (`self`), in MB.
pub fn memory_mb(process: &str, field: &str) -> Result<f64> {
    let text = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = text.lines().find_map(|line| line.strip_prefix(field)).context("no such field")?;
    let kilobytes: f64 = line.trim_matches(|c: char| !c.is_ascii_digit()).parse()?;
    Ok(kilobytes * 1024.0 / 1e6)
}

/// Runs this binary again for one part and reads its answer.
pub fn child(words: &[&str]) -> Result<Value> {
    let output = Command::new(std::env::current_exe()?).arg("--child").args(words).output()?;
    if !output.status.success() {
        bail!("{}: {}", words.join(" "), String::from_utf8_lossy(&output.stderr));
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// (CPU, wall) in seconds of a command, CPU to 1 ms, by the shell's own clock; children included.
pub fn command(words: &[&str]) -> Result<(f64, f64)> {
    let script = r#"TIMEFORMAT='%U %S %R'; { time "$@" >/dev/null 2>&3; } 3>/dev/null || exit 9"#;
    let output = Command::new("bash").args(["-c", script, "bash"]).args(words).output()?;
    ensure!(output.status.success(), "{} failed", words.join(" "));
    let text = String::from_utf8(output.stderr)?;
    let numbers: Vec<f64> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let [user, system, wall] = numbers[..] else { bail!("times of {}: {text}", words[0]) };
    Ok((user + system, wall))
}

/// A number of a child's answer.
pub fn number(answer: &Value, name: &str) -> Result<f64> {
    answer[name].as_f64().with_context(|| format!("the child does not say {name}"))
}

/// The answer in which `name` is smallest.
pub fn best<'v>(answers: &'v [Value], name: &str) -> Result<&'v Value> {
    let by = |answer: &&Value| answer[name].as_f64().unwrap_or(f64::MAX);
    answers.iter().min_by(|a, b| by(a).total_cmp(&by(b))).context("no round")
}
