//! What a torn write leaves behind: the write-ahead log of a dead ledger, with its last commit found, its
//! tail garbled, or all of it cut anywhere. The format is documented in SQLite's `fileformat2`, section 4.

use std::fs::OpenOptions;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use crate::chaos::random::Random;
use crate::chaos_push::ledger::Copy;

const HEADER: usize = 32;
const FRAME: usize = 24;
const NAME: &str = "ledger.sqlite-wal";

/// Where the last commit of a log ends, by its salts and commit marks.
fn last_commit(log: &[u8]) -> usize {
    let Some(header) = log.first_chunk::<HEADER>() else { return log.len() };
    let page = u32::from_be_bytes([header[8], header[9], header[10], header[11]]) as usize;
    let (mut at, mut end) = (HEADER, HEADER);
    while let Some(frame) = log.get(at..at + FRAME) {
        if frame[8..16] != header[16..24] || at + FRAME + page > log.len() {
            break;
        }
        at += FRAME + page;
        if frame[4..8] != [0; 4] {
            end = at;
        }
    }
    end
}

/// Writes a piece of a write that never ended behind the last commit: whole frames without a commit
/// mark, a part of one, or noise. True if there was a log to do it to.
pub fn tear(data: &Path, random: &mut Random) -> bool {
    let path = data.join(NAME);
    let Ok(log) = std::fs::read(&path) else { return false };
    let end = last_commit(&log);
    if end <= HEADER {
        return false;
    }
    let length = random.within(1..9_000) as usize;
    let torn: Vec<u8> = if random.chance(50) {
        // The beginning of what looks like the next frame, by the salts of this log.
        let from = HEADER + random.within(0..(end - HEADER) as u64 / 2) as usize;
        log[from..(from + length).min(end)].to_vec()
    } else {
        (0..length).map(|_| random.next() as u8).collect()
    };
    let mut file = OpenOptions::new().write(true).open(&path).unwrap();
    file.seek(SeekFrom::Start(end as u64)).unwrap();
    file.write_all(&torn).unwrap();
    true
}

/// A copy whose log ends anywhere: what then is there is an earlier moment as a whole.
pub fn cut(data: &Path, random: &mut Random) -> Option<Vec<String>> {
    let length = std::fs::metadata(data.join(NAME)).map_or(0, |log| log.len());
    // Without its first page the file is no ledger yet.
    let main = std::fs::metadata(data.join("ledger.sqlite")).map_or(0, |main| main.len());
    if length == 0 || main < 100_000 {
        return None;
    }
    let at = random.within(0..length);
    let copy = Copy::of_file(data, |directory| {
        OpenOptions::new().write(true).open(directory.join(NAME)).unwrap().set_len(at).unwrap();
    });
    let checked = copy.rows("PRAGMA integrity_check").into_iter().filter(|said| said != "ok");
    let mut wrong: Vec<_> = checked.map(|said| format!("cut at {at} of {length}: {said}")).collect();
    let lost = copy.without_next_step().into_iter();
    wrong.extend(lost.map(|what| format!("cut at {at} of {length}: {what}")));
    Some(wrong)
}
