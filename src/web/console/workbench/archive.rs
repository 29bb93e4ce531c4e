//! A few small files as one: the plainest archive there is (POSIX ustar), which every system opens.

/// Files of an archive, by their paths below it; of paths longer than the format takes, the end.
pub fn tar<'f>(files: impl Iterator<Item = (String, &'f [u8])>) -> Vec<u8> {
    let mut archive = Vec::new();
    for (path, content) in files {
        archive.extend_from_slice(&head(&path, content.len()));
        archive.extend_from_slice(content);
        archive.resize(archive.len().next_multiple_of(512), 0);
    }
    archive.resize(archive.len() + 1024, 0);
    archive
}

fn head(path: &str, size: usize) -> [u8; 512] {
    let mut head = [0_u8; 512];
    let mut put = |at: usize, text: &[u8]| head[at..at + text.len()].copy_from_slice(text);
    let path = path.as_bytes();
    put(0, &path[path.len().saturating_sub(100)..]);
    put(100, b"0000644\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, format!("{size:011o}\0").as_bytes());
    put(136, b"00000000000\0");
    // The sum counts its own field as blanks.
    put(148, b"        ");
    put(156, b"0");
    put(257, b"ustar\x0000");
    let sum: u32 = head.iter().map(|byte| u32::from(*byte)).sum();
    head[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    head
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_in_comes_out_by_the_systems_own_tar() {
        let text = b"{\"a\": 1}\n".as_slice();
        let bytes =
            tar([("x/y/folder.json".to_owned(), text), ("x/y/leer".to_owned(), b"".as_slice())].into_iter());
        assert_eq!(bytes.len() % 512, 0);
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.tar");
        std::fs::write(&path, &bytes).unwrap();
        let done = std::process::Command::new("tar").arg("-xf").arg(&path).arg("-C").arg(dir.path()).status();
        assert!(done.unwrap().success());
        assert_eq!(std::fs::read(dir.path().join("x/y/folder.json")).unwrap(), text);
        assert!(dir.path().join("x/y/leer").is_file());
    }
}
