//! Reading of files: whether two have the same bytes, and digests. A file that changes while it is read is an error.

use std::fs::File;
use std::io::{self, Read};

use crate::walk::{Entry, unreadable};

/// The size of a buffer, in bytes; smaller files are read at once.
const BUFFER: usize = 1 << 17;

/// The problem of a file that was modified since it was listed.
pub(crate) const MODIFIED: &str = "changed while it was read";

/// Buffers for [`have_same_bytes`].
pub(crate) struct Buffers(Vec<u8>, Vec<u8>);

impl Buffers {
    pub(crate) fn new() -> Self {
        Self(vec![0; BUFFER], vec![0; BUFFER])
    }
}

/// Return whether two files have the same bytes, and stop at the first difference; an error is the reason, with the
/// side.
pub(crate) fn have_same_bytes(buffers: &mut Buffers, old: &Entry, new: &Entry) -> Result<bool, String> {
    if old.is_same_file(new) {
        return Ok(true);
    }
    let in_older = |reason: String| format!("{reason} (in the older snapshot)");
    let in_newer = |reason: String| format!("{reason} (in the newer snapshot)");
    let mut old_file = open(old).map_err(in_older)?;
    let mut new_file = open(new).map_err(in_newer)?;
    if old.side.bytes != new.side.bytes {
        return Ok(false);
    }
    let mut left = old.side.bytes;
    while left > 0 {
        let length = BUFFER.min(usize::try_from(left).unwrap_or(BUFFER));
        let (before, after) = (&mut buffers.0[..length], &mut buffers.1[..length]);
        fill(&mut old_file, before).map_err(in_older)?;
        fill(&mut new_file, after).map_err(in_newer)?;
        if before != after {
            return Ok(false);
        }
        left -= length as u64;
    }
    check(&old_file, old).map_err(in_older)?;
    check(&new_file, new).map_err(in_newer)?;
    Ok(true)
}

/// Return the digest of a file, or the reason why it cannot be read.
pub(crate) fn hash(entry: &Entry) -> Result<[u8; 32], String> {
    let mut file = open(entry)?;
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(&mut file).map_err(|error| unreadable(&error))?;
    check(&file, entry)?;
    Ok(*hasher.finalize().as_bytes())
}

/// Return the problem of a file that cannot be read, or that was modified since it was listed.
pub(crate) fn find_problem(entry: &Entry) -> Option<String> {
    match std::fs::metadata(&entry.side.local) {
        Ok(metadata) if entry.is_unchanged(&metadata) => None,
        Ok(_) => Some(MODIFIED.into()),
        Err(error) => Some(unreadable(&error)),
    }
}

pub(crate) fn open(entry: &Entry) -> Result<File, String> {
    File::open(&entry.side.local).map_err(|error| unreadable(&error))
}

pub(crate) fn check(file: &File, entry: &Entry) -> Result<(), String> {
    let metadata = file.metadata().map_err(|error| unreadable(&error))?;
    if entry.is_unchanged(&metadata) { Ok(()) } else { Err(MODIFIED.into()) }
}

fn fill(file: &mut File, buffer: &mut [u8]) -> Result<(), String> {
    file.read_exact(buffer).map_err(|error| match error.kind() {
        // The file is shorter than listed.
        io::ErrorKind::UnexpectedEof => MODIFIED.into(),
        _ => unreadable(&error),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::time::{Duration, SystemTime};

    fn entry(name: &str, content: &[u8]) -> Entry {
        let path = std::env::temp_dir().join(format!("binoc-content-{}-{name}", std::process::id()));
        fs::write(&path, content).unwrap();
        Entry::new(&path, &fs::metadata(&path).unwrap())
    }

    fn same(old: &Entry, new: &Entry) -> Result<bool, String> {
        have_same_bytes(&mut Buffers::new(), old, new)
    }

    #[test]
    fn difference_is_found_at_the_ends_of_the_buffer() {
        for length in [1, BUFFER - 1, BUFFER, BUFFER + 1, 2 * BUFFER] {
            let data = vec![7; length];
            let (old, new) = (entry("old", &data), entry("new", &data));
            assert_eq!(same(&old, &new), Ok(true), "{length}");
            for place in [0, length / 2, length - 1] {
                let mut data = data.clone();
                data[place] = 8;
                assert_eq!(same(&old, &entry("new", &data)), Ok(false), "{place} of {length}");
            }
            fs::remove_file(&old.side.local).unwrap();
            fs::remove_file(&new.side.local).unwrap();
        }
    }

    #[cfg(unix)]
    #[test]
    fn hard_links_are_not_read() {
        let old = entry("linked", b"same");
        let link = old.side.local.with_extension("link");
        fs::hard_link(&old.side.local, &link).unwrap();
        let new = Entry::new(&link, &fs::metadata(&link).unwrap());
        fs::remove_file(&old.side.local).unwrap();
        fs::remove_file(&link).unwrap();
        assert_eq!(same(&old, &new), Ok(true));
        assert!(hash(&old).is_err());
    }

    #[test]
    fn file_that_changed_since_it_was_listed_is_an_error() {
        let (old, new) = (entry("listed-old", b"same"), entry("listed-new", b"same"));
        for content in [&b"sam"[..], b"same and more"] {
            fs::write(&new.side.local, content).unwrap();
            assert!(same(&old, &new).unwrap_err().starts_with(MODIFIED), "{content:?}");
        }
        fs::write(&new.side.local, "same").unwrap();
        let file = File::options().append(true).open(&new.side.local).unwrap();
        file.set_modified(SystemTime::now() + Duration::from_secs(9)).unwrap();
        assert!(same(&old, &new).unwrap_err().starts_with(MODIFIED));
        assert_eq!(hash(&new), Err(MODIFIED.into()));
        fs::remove_file(&old.side.local).unwrap();
        fs::remove_file(&new.side.local).unwrap();
    }
}
