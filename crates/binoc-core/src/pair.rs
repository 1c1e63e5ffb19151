//! Decides which file became which, before anything is compared.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use binoc_sdk::{Diagnostic, Error, Severity};

use crate::walk::Tree;
use crate::{Limits, similar};

/// Two versions of one file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) left: String,
    pub(crate) right: String,
    /// Same bytes; only listed for renames.
    pub(crate) identical: bool,
    /// Shared content in percent, for a rename with edits.
    pub(crate) similarity: Option<u8>,
}

/// Every difference between two trees; files that are the same are not listed.
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
    if let (true, Some(a), Some(b)) = (left.single, left.files.keys().next(), right.files.keys().next()) {
        match same(left, a, right, b) {
            Ok(true) => {}
            Ok(false) => result.pairs.push(pair(a, b)),
            Err(error) => result.fail(b, &error),
        }
        return result;
    }
    for name in left.files.keys().filter(|name| right.files.contains_key(*name)) {
        match same(left, name, right, name) {
            Ok(true) => {}
            Ok(false) => result.pairs.push(pair(name, name)),
            Err(error) => result.fail(name, &error),
        }
    }
    // A name that the other side could not look at may well be there: neither added nor removed.
    let missing = |tree: &Tree, other: &Tree| -> BTreeSet<String> {
        let gone = |name: &&String| !other.files.contains_key(*name) && !other.is_blocked(name);
        tree.files.keys().filter(gone).cloned().collect()
    };
    result.removed = missing(left, right);
    result.added = missing(right, left);
    exact(left, right, &mut result);
    similar::pair(left, right, limits, &mut result);
    result
}

impl Pairing {
    pub(crate) fn fail(&mut self, name: &str, error: &Error) {
        self.findings.push(Diagnostic::at(Severity::Error, name, format!("not compared: {error}")));
    }

    pub(crate) fn rename(&mut self, left: String, right: String, similarity: Option<u8>) {
        self.removed.remove(&left);
        self.added.remove(&right);
        self.pairs.push(Pair { left, right, identical: similarity.is_none(), similarity });
    }
}

/// Pairs files whose content is the same under another name.
fn exact(left: &Tree, right: &Tree, result: &mut Pairing) {
    // Empty files are all alike, which is no evidence of a rename.
    let sizes = |tree: &Tree, names: &BTreeSet<String>| -> BTreeSet<u64> {
        names.iter().map(|name| tree.files[name].bytes).filter(|bytes| *bytes > 0).collect()
    };
    let common = &sizes(left, &result.removed) & &sizes(right, &result.added);
    let mut groups: BTreeMap<[u8; 32], (Vec<String>, Vec<String>)> = BTreeMap::new();
    for (tree, is_left) in [(left, true), (right, false)] {
        let names = if is_left { &result.removed } else { &result.added };
        for name in names.iter().filter(|name| common.contains(&tree.files[*name].bytes)) {
            // What cannot be read is found when it is claimed removed or added; here it is only no candidate.
            let Ok(hash) = hash(&tree.files[name].local) else { continue };
            let group = groups.entry(hash).or_default();
            if is_left { group.0.push(name.clone()) } else { group.1.push(name.clone()) }
        }
    }
    for (mut old, mut new) in groups.into_values() {
        // Among equal contents the one that kept its own name is the same file.
        for name in old.clone() {
            if let Some(place) = new.iter().position(|n| file_name(n) == file_name(&name)) {
                old.retain(|n| *n != name);
                result.rename(name, new.remove(place), None);
            }
        }
        for (a, b) in old.into_iter().zip(new) {
            result.rename(a, b, None);
        }
    }
}

pub(crate) fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn hash(path: &Path) -> io::Result<[u8; 32]> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(File::open(path)?)?;
    Ok(*hasher.finalize().as_bytes())
}

/// Whether two files have the same bytes; reads until the first difference only.
fn same(left: &Tree, a: &str, right: &Tree, b: &str) -> Result<bool, Error> {
    let (a, b) = (&left.files[a], &right.files[b]);
    let open = |path: &Path| File::open(path).map_err(|error| Error::io(path, &error));
    let (mut x, mut y) = (open(&a.local)?, open(&b.local)?);
    if a.bytes != b.bytes {
        return Ok(false);
    }
    let (mut p, mut q) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    loop {
        let n = fill(&mut x, &mut p).map_err(|error| Error::io(&a.local, &error))?;
        let m = fill(&mut y, &mut q).map_err(|error| Error::io(&b.local, &error))?;
        if p[..n] != q[..m] {
            return Ok(false);
        }
        if n == 0 {
            return Ok(true);
        }
    }
}

fn fill(file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use binoc_sdk::Side;

    /// A snapshot in a temporary folder, removed at the end.
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
            crate::walk::folder(&self.0, &Limits::default()).unwrap()
        }
    }

    impl Drop for Snapshot {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    fn renames(test: &str, a: &[(&str, &str)], b: &[(&str, &str)]) -> Vec<(String, String, Option<u8>)> {
        let (a, b) = (Snapshot::new(&format!("{test}-a"), a), Snapshot::new(&format!("{test}-b"), b));
        let result = pair(&a.tree(), &b.tree(), &Limits::default());
        result.pairs.into_iter().map(|p| (p.left, p.right, p.similarity)).collect()
    }

    #[test]
    fn a_moved_file_is_one_rename() {
        let found = renames("moved", &[("x.csv", "a,b\n1,2\n")], &[("sub/x.csv", "a,b\n1,2\n")]);
        assert_eq!(found, [("x.csv".into(), "sub/x.csv".into(), None)]);
    }

    #[test]
    fn among_equal_contents_the_kept_name_wins() {
        let found = renames("kept", &[("1/x", "same"), ("1/y", "same")], &[("2/y", "same"), ("2/x", "same")]);
        assert_eq!(found, [("1/x".into(), "2/x".into(), None), ("1/y".into(), "2/y".into(), None)]);
    }

    #[test]
    fn empty_files_are_no_evidence_of_a_rename() {
        assert_eq!(renames("empty", &[("x", "")], &[("y", "")]), []);
    }

    #[test]
    fn a_rename_with_edits_is_found_by_shared_lines() {
        let old: String = (0..20).map(|n| format!("row {n}\n")).collect();
        let new = old.replace("row 7\n", "row seven\n");
        let found = renames("edited", &[("old.txt", &old)], &[("new.txt", &new)]);
        assert_eq!(found.len(), 1);
        assert!(found[0].2.unwrap() >= 90);
    }

    #[test]
    fn files_with_little_in_common_are_not_paired() {
        let found = renames(
            "other",
            &[("x.txt", "head\none\ntwo\nthree\n")],
            &[("y.txt", "head\n1\n2\n3 is more\n")],
        );
        assert_eq!(found, []);
    }

    #[test]
    fn a_file_below_an_unreadable_folder_is_not_claimed_removed() {
        let side = |n| Side { local: "/nowhere".into(), bytes: n };
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
