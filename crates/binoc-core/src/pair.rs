//! Pairing of the files of two snapshots, including renamed files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use binoc_sdk::{Diagnostic, Error, Severity, Side, show};

use crate::limits::Limits;
use crate::similar::{self, Renames};
use crate::walk::{Tree, file_name};

/// Two versions of one file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) left: String,
    pub(crate) right: String,
    /// Whether the bytes are the same; such a pair is listed only if it is a rename.
    pub(crate) identical: bool,
    /// Shared content in percent, for a rename with edits.
    pub(crate) similarity: Option<u8>,
}

/// The pairs of files that differ, and the files that only one tree has.
#[derive(Debug, Default)]
pub(crate) struct Pairing {
    pub(crate) pairs: Vec<Pair>,
    pub(crate) removed: BTreeSet<String>,
    pub(crate) added: BTreeSet<String>,
    pub(crate) findings: Vec<Diagnostic>,
}

pub(crate) fn pair(left: &Tree, right: &Tree, limits: &Limits) -> Pairing {
    let mut result = Pairing::default();
    let pair = |left: &str, right: &str| Pair {
        left: left.into(),
        right: right.into(),
        identical: false,
        similarity: None,
    };
    if let (true, Some((old, old_side)), Some((new, new_side))) =
        (left.single, left.files.first_key_value(), right.files.first_key_value())
    {
        match have_same_bytes(old_side, new_side) {
            Ok(true) => {}
            Ok(false) => result.pairs.push(pair(old, new)),
            Err(error) => result.fail(new, &error),
        }
        return result;
    }
    for (name, old_side) in &left.files {
        let Some(new_side) = right.files.get(name) else { continue };
        match have_same_bytes(old_side, new_side) {
            Ok(true) => {}
            Ok(false) => result.pairs.push(pair(name, name)),
            Err(error) => result.fail(name, &error),
        }
    }
    // A file that is unreadable on the other side may exist there: do not report it as added or removed.
    let missing = |tree: &Tree, other: &Tree| -> BTreeSet<String> {
        let gone = |name: &&String| !other.files.contains_key(*name) && !other.is_blocked(name);
        tree.files.keys().filter(gone).cloned().collect()
    };
    result.removed = missing(left, right);
    result.added = missing(right, left);
    exact(left, right, &mut result);
    let renames = similar::find_renames(left, right, &result.removed, &result.added, limits);
    result.add_renames(renames);
    result
}

impl Pairing {
    fn fail(&mut self, name: &str, error: &Error) {
        self.findings.push(Diagnostic::at(Severity::Error, name, format!("not compared: {error}")));
    }

    fn rename(&mut self, left: String, right: String, similarity: Option<u8>) {
        self.removed.remove(&left);
        self.added.remove(&right);
        self.pairs.push(Pair { left, right, identical: similarity.is_none(), similarity });
    }

    fn add_renames(&mut self, renames: Renames) {
        if renames.skipped > 0 {
            let files = show::plural(renames.skipped, "large file");
            let message =
                format!("{files} not searched for renames with edits; removed or added may be a rename");
            self.findings.push(Diagnostic::general(Severity::Note, message));
        }
        for (left, right, similarity) in renames.pairs {
            self.rename(left, right, Some(similarity));
        }
    }
}

/// Pair files with the same content and different names.
fn exact(left: &Tree, right: &Tree, result: &mut Pairing) {
    // All empty files are the same, so they do not prove a rename.
    let sizes = |tree: &Tree, names: &BTreeSet<String>| -> BTreeSet<u64> {
        names.iter().map(|name| tree.files[name].bytes).filter(|bytes| *bytes > 0).collect()
    };
    let common = &sizes(left, &result.removed) & &sizes(right, &result.added);
    let mut groups: BTreeMap<[u8; 32], (Vec<String>, Vec<String>)> = BTreeMap::new();
    for (tree, is_left) in [(left, true), (right, false)] {
        let names = if is_left { &result.removed } else { &result.added };
        for name in names.iter().filter(|name| common.contains(&tree.files[*name].bytes)) {
            // A file that cannot be read is not a candidate: it stays removed or added.
            let Ok(hash) = hash(&tree.files[name].local) else { continue };
            let group = groups.entry(hash).or_default();
            if is_left { group.0.push(name.clone()) } else { group.1.push(name.clone()) }
        }
    }
    for (mut old, mut new) in groups.into_values() {
        // If several files have the same content, prefer the one that kept its file name.
        for name in old.clone() {
            if let Some(place) = new.iter().position(|other| file_name(other) == file_name(&name)) {
                old.retain(|other| *other != name);
                result.rename(name, new.remove(place), None);
            }
        }
        for (old, new) in old.into_iter().zip(new) {
            result.rename(old, new, None);
        }
    }
}

fn hash(path: &Path) -> io::Result<[u8; 32]> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(File::open(path)?)?;
    Ok(*hasher.finalize().as_bytes())
}

/// Return whether two files have the same bytes; stop reading at the first difference.
fn have_same_bytes(old: &Side, new: &Side) -> Result<bool, Error> {
    let open = |side: &Side| File::open(&side.local).map_err(|error| Error::io(&side.local, error));
    let (mut old_file, mut new_file) = (open(old)?, open(new)?);
    if old.bytes != new.bytes {
        return Ok(false);
    }
    let (mut old_buffer, mut new_buffer) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    loop {
        let old_bytes = fill(&mut old_file, &mut old_buffer).map_err(|error| Error::io(&old.local, error))?;
        let new_bytes = fill(&mut new_file, &mut new_buffer).map_err(|error| Error::io(&new.local, error))?;
        if old_bytes != new_bytes {
            return Ok(false);
        }
        if old_bytes.is_empty() {
            return Ok(true);
        }
    }
}

/// Read until the buffer is full or the file ends, and return the bytes read.
fn fill<'a>(file: &mut File, buffer: &'a mut [u8]) -> io::Result<&'a [u8]> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(&buffer[..filled])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A snapshot in a temporary directory, which is removed at the end.
    struct Snapshot(std::path::PathBuf);

    impl Snapshot {
        fn new(test: &str, files: &[(&str, &str)]) -> Self {
            let root = std::env::temp_dir().join(format!("binoc-pair-{}-{test}", std::process::id()));
            for (name, content) in files {
                let path = root.join(name);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, content).unwrap();
            }
            Self(root)
        }

        fn tree(&self) -> Tree {
            crate::walk::directory(&self.0, &Limits::default()).unwrap()
        }
    }

    impl Drop for Snapshot {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    fn renames(test: &str, old: &[(&str, &str)], new: &[(&str, &str)]) -> Vec<(String, String, Option<u8>)> {
        let (old, new) = (Snapshot::new(&format!("{test}-a"), old), Snapshot::new(&format!("{test}-b"), new));
        let result = pair(&old.tree(), &new.tree(), &Limits::default());
        result.pairs.into_iter().map(|pair| (pair.left, pair.right, pair.similarity)).collect()
    }

    #[test]
    fn moved_file_is_a_rename() {
        let pairs = renames("moved", &[("x.csv", "a,b\n1,2\n")], &[("sub/x.csv", "a,b\n1,2\n")]);
        assert_eq!(pairs, [("x.csv".into(), "sub/x.csv".into(), None)]);
    }

    #[test]
    fn same_file_name_is_preferred() {
        let pairs = renames("kept", &[("1/x", "same"), ("1/y", "same")], &[("2/y", "same"), ("2/x", "same")]);
        assert_eq!(pairs, [("1/x".into(), "2/x".into(), None), ("1/y".into(), "2/y".into(), None)]);
    }

    #[test]
    fn empty_files_are_not_renames() {
        assert_eq!(renames("empty", &[("x", "")], &[("y", "")]), []);
    }

    #[test]
    fn rename_with_edits_is_found() {
        let old: String = (0..20).map(|n| format!("row {n}\n")).collect();
        let new = old.replace("row 7\n", "row seven\n");
        let pairs = renames("edited", &[("old.txt", &old)], &[("new.txt", &new)]);
        assert_eq!(pairs.len(), 1);
        assert!(pairs[0].2.unwrap() >= 90);
    }

    #[test]
    fn files_with_little_in_common_are_not_paired() {
        let pairs = renames(
            "other",
            &[("x.txt", "head\none\ntwo\nthree\n")],
            &[("y.txt", "head\n1\n2\n3 is more\n")],
        );
        assert_eq!(pairs, []);
    }

    #[test]
    fn file_in_unreadable_directory_is_not_removed() {
        let side = |bytes| Side::new("/nowhere", bytes);
        let left = Tree {
            files: BTreeMap::from([("d/x".into(), side(1)), ("y".into(), side(2))]),
            ..Tree::default()
        };
        let mut right = Tree::default();
        right.blocked.insert("d".into(), (Severity::Error, "unreadable".into()));
        let result = pair(&left, &right, &Limits::default());
        assert_eq!(result.removed, BTreeSet::from(["y".to_owned()]));
    }
}
