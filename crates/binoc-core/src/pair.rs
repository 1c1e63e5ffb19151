//! Pairing of the files of two snapshots: by path, then by directory, content and name.

use std::collections::{BTreeMap, BTreeSet};

use binoc_sdk::format::{Format, FormatKind};
use binoc_sdk::{Diagnostic, Severity};

use crate::content::{self, Buffers};
use crate::directories::{self, Renamed};
use crate::parallel;
use crate::similar::{self, Split, Successor};
use crate::tokens;
use crate::walk::{Tree, file_name, join};

/// Why two files are a pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Link {
    /// They have the same path, or the same path below a renamed directory.
    Place,
    /// The file was renamed; the shared content in percent if it was edited too.
    Rename(Option<u8>),
    /// The newer file has the same name except for these texts, a year, date or version; the shared content in percent if
    /// it is similar.
    Successor(Vec<(String, String)>, Option<u8>),
    /// The newer file is a copy of the older one, which still exists; the shared content in percent if it was edited.
    Copy(Option<u8>),
}

/// Two versions of one file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) left: String,
    pub(crate) right: String,
    pub(crate) identical: bool,
    pub(crate) link: Link,
}

/// A renamed directory.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Directory {
    pub(crate) left: String,
    pub(crate) right: String,
    /// The number of files at the same place with the same bytes.
    pub(crate) unchanged: u64,
}

/// The pairs of files, and the files that only one tree has. Pairs with the same path and bytes are left out.
#[derive(Debug, Default)]
pub(crate) struct Pairing {
    pub(crate) pairs: Vec<Pair>,
    pub(crate) directories: Vec<Directory>,
    pub(crate) splits: Vec<Split>,
    pub(crate) removed: BTreeSet<String>,
    pub(crate) added: BTreeSet<String>,
    pub(crate) findings: Vec<Diagnostic>,
}

type Hashes = BTreeMap<String, [u8; 32]>;

pub(crate) fn pair(left: &Tree, right: &Tree) -> Pairing {
    let mut result = Pairing::default();
    if let (true, Some(old), Some(new)) =
        (left.single, left.files.first_key_value(), right.files.first_key_value())
    {
        result.place(left, right, vec![(old.0.clone(), new.0.clone())]);
        return result;
    }
    let common = left.files.keys().filter(|name| right.files.contains_key(*name));
    result.place(left, right, common.map(|name| (name.clone(), name.clone())).collect());
    result.pairs.retain(|pair| !pair.identical);
    // A file that is unreadable on the other side may exist there: do not report it as added or removed.
    let missing = |tree: &Tree, other: &Tree| -> BTreeSet<String> {
        let gone = |name: &&String| !other.files.contains_key(*name) && !other.is_blocked(name);
        tree.files.keys().filter(gone).cloned().collect()
    };
    result.removed = missing(left, right);
    result.added = missing(right, left);
    result.find_renames(left, right);
    result.find_copies(left, right);
    result.find_packed(left, right);
    result
}

impl Pairing {
    /// Pair files by their place, and compare their bytes.
    fn place(&mut self, left: &Tree, right: &Tree, names: Vec<(String, String)>) {
        let same = parallel::map(&names, Buffers::new, |buffers, (old, new)| {
            content::have_same_bytes(buffers, &left.files[old], &right.files[new])
        });
        for ((left, right), same) in names.into_iter().zip(same) {
            self.removed.remove(&left);
            self.added.remove(&right);
            match same {
                Ok(identical) => self.pairs.push(Pair { left, right, identical, link: Link::Place }),
                Err(reason) => self.findings.push(Diagnostic::at(
                    Severity::Error,
                    right,
                    format!("not compared: {reason}"),
                )),
            }
        }
    }

    fn link(&mut self, left: &str, right: &str, identical: bool, link: Link) {
        if !matches!(link, Link::Copy(_)) {
            self.removed.remove(left);
        }
        self.added.remove(right);
        self.pairs.push(Pair { left: left.into(), right: right.into(), identical, link });
    }

    fn find_renames(&mut self, left: &Tree, right: &Tree) {
        if self.removed.is_empty() && self.added.is_empty() {
            return;
        }
        let (removed, added) = (self.removed.clone(), self.added.clone());
        let old_hashes = self.hashes(left, &removed, &sizes(right, &added));
        let new_hashes = self.hashes(right, &added, &sizes(left, &removed));
        let same = same_name_and_content(&old_hashes, &new_hashes);
        let mut renamed = directories::find(left, right, &removed, &added, &same);
        self.place_below(left, right, &renamed);
        self.find_exact(&old_hashes, &new_hashes);
        self.find_similar(left, right);
        // The files that are similar are more evidence for renamed directories.
        let pairs: Vec<_> = self.pairs.iter().filter(|pair| pair.left != pair.right).collect();
        let same: Vec<_> = pairs.iter().map(|pair| (pair.left.as_str(), pair.right.as_str())).collect();
        renamed.extend(directories::find(left, right, &removed, &added, &same));
        for pair in &mut self.pairs {
            if renamed.target(&pair.left).is_some_and(|target| target == pair.right) {
                pair.link = Link::Place;
            }
        }
        self.place_below(left, right, &renamed);
        for (old, new, tokens) in self.find_successors(left, right) {
            self.link(&old, &new, false, Link::Successor(tokens, None));
        }
        self.count_unchanged(&renamed);
    }

    /// Pair the files at the same place below renamed directories.
    fn place_below(&mut self, left: &Tree, right: &Tree, renamed: &Renamed) {
        let target = |name: &String| Some((name.clone(), renamed.target(name)?));
        let names =
            self.removed.iter().filter_map(target).filter(|(_, new)| self.added.contains(new)).collect();
        self.place(left, right, names);
    }

    /// Pair files with the same content and different names.
    fn find_exact(&mut self, old_hashes: &Hashes, new_hashes: &Hashes) {
        let mut groups: BTreeMap<[u8; 32], (Vec<&String>, Vec<&String>)> = BTreeMap::new();
        for (name, hash) in old_hashes.iter().filter(|(name, _)| self.removed.contains(*name)) {
            groups.entry(*hash).or_default().0.push(name);
        }
        for (name, hash) in new_hashes.iter().filter(|(name, _)| self.added.contains(*name)) {
            groups.entry(*hash).or_default().1.push(name);
        }
        for (old, new) in groups.into_values() {
            // If several files have the same content, prefer the one that kept its file name.
            let mut by_name: BTreeMap<&str, Vec<&String>> = BTreeMap::new();
            for name in new.iter().rev() {
                by_name.entry(file_name(name)).or_default().push(name);
            }
            let mut others = Vec::new();
            for name in old {
                match by_name.get_mut(file_name(name)).and_then(Vec::pop) {
                    Some(new) => self.link(name, new, true, Link::Rename(None)),
                    None => others.push(name),
                }
            }
            let rest: Vec<&String> = new.into_iter().filter(|name| self.added.contains(*name)).collect();
            for (old, new) in others.into_iter().zip(rest) {
                self.link(old, new, true, Link::Rename(None));
            }
        }
    }

    /// Find splits, merges and renames with edits.
    fn find_similar(&mut self, left: &Tree, right: &Tree) {
        let resized = self.find_resized(left, right);
        let (mut old, mut new) = similar::read(left, right, &self.removed, &self.added, &resized);
        for (name, reason) in old.failures.iter().chain(&new.failures) {
            self.fail(name, reason);
        }
        self.splits = similar::find_splits(&old, &new, &resized);
        let (removed, added) = (self.unsplit(&self.removed), self.unsplit(&self.added));
        old.retain(&removed);
        new.retain(&added);
        let mut successors = self.find_successors(left, right);
        for (old, new, percent) in similar::find_renames(&old, &new, &successors) {
            let place = successors.iter().position(|(from, to, _)| (from, to) == (&old, &new));
            let link = match place.map(|place| successors.swap_remove(place)) {
                Some((_, _, tokens)) => Link::Successor(tokens, Some(percent)),
                None => Link::Rename(Some(percent)),
            };
            self.link(&old, &new, false, link);
        }
    }

    /// Return the changed files that lost about as much as an added file has, or got as much as a removed one had.
    fn find_resized(&self, left: &Tree, right: &Tree) -> BTreeSet<String> {
        let is_moved = |difference: u64, tree: &Tree, names: &BTreeSet<String>| {
            let sizes = names.iter().map(|name| tree.files[name].side.bytes);
            // The names of the columns can be in both files.
            let fitting = sizes.filter(|bytes| *bytes > 0 && *bytes / 2 <= difference);
            difference > 0 && fitting.sum::<u64>() >= difference / 4 * 3
        };
        let resized = |pair: &&Pair| {
            let (old, new) = (left.files[&pair.left].side.bytes, right.files[&pair.right].side.bytes);
            pair.left == pair.right
                && (is_moved(old.saturating_sub(new), right, &self.added)
                    || is_moved(new.saturating_sub(old), left, &self.removed))
        };
        self.pairs.iter().filter(resized).map(|pair| pair.left.clone()).collect()
    }

    /// Report an added or removed file that cannot be read, so that it may be a rename or a copy.
    fn fail(&mut self, name: &str, reason: &str) {
        let message = format!("not searched for renames and copies: {reason}");
        self.findings.push(Diagnostic::at(Severity::Error, name, message));
    }

    /// Return the files that are not part of a split or merge.
    fn unsplit(&self, names: &BTreeSet<String>) -> BTreeSet<String> {
        let split = |split: &'_ Split| {
            split.parts.iter().map(|part| part.name.clone()).chain([split.whole.clone()]).collect::<Vec<_>>()
        };
        let split: BTreeSet<String> = self.splits.iter().flat_map(split).collect();
        names.difference(&split).cloned().collect()
    }

    /// Find pairs of files whose paths differ only in a year, date or version, if no other files have such a path.
    fn find_successors(&self, left: &Tree, right: &Tree) -> Vec<Successor> {
        let (removed, added) = (self.unsplit(&self.removed), self.unsplit(&self.added));
        let mut groups: BTreeMap<String, (Vec<&String>, Vec<&String>)> = BTreeMap::new();
        for name in &removed {
            let (pattern, tokens) = tokens::split(name);
            if !tokens.is_empty() {
                groups.entry(pattern).or_default().0.push(name);
            }
        }
        for name in &added {
            if let Some(group) = groups.get_mut(&tokens::split(name).0) {
                group.1.push(name);
            }
        }
        groups.retain(|_, (old, new)| old.len() == 1 && new.len() == 1);
        if groups.is_empty() {
            return Vec::new();
        }
        // If earlier years are kept, the newest file is an addition and replaces none.
        for name in left.files.keys().filter(|name| right.files.contains_key(*name)) {
            groups.remove(&tokens::split(name).0);
        }
        let successor = |(old, new): (Vec<&String>, Vec<&String>)| {
            let (old, new) = (old[0].clone(), new[0].clone());
            let tokens = tokens::split(&old).1.into_iter().zip(tokens::split(&new).1);
            let mut tokens: Vec<_> =
                tokens.filter(|(old, new)| old != new).map(|(old, new)| (old.into(), new.into())).collect();
            tokens.dedup();
            (old, new, tokens)
        };
        groups.into_values().map(successor).collect()
    }

    fn hashes(&mut self, tree: &Tree, names: &BTreeSet<String>, sizes: &BTreeSet<u64>) -> Hashes {
        let mut hashes = Hashes::new();
        for (name, hash) in read_hashes(tree, names, sizes) {
            match hash {
                Ok(hash) => drop(hashes.insert(name, hash)),
                Err(reason) => self.fail(&name, &reason),
            }
        }
        hashes
    }

    fn count_unchanged(&mut self, renamed: &Renamed) {
        let mut unchanged: BTreeMap<&str, u64> = BTreeMap::new();
        for pair in self.pairs.iter().filter(|pair| pair.identical && pair.link == Link::Place) {
            *unchanged.entry(renamed.directory_of(&pair.left).unwrap_or("")).or_default() += 1;
        }
        let directory = |(left, right): (&str, &str)| Directory {
            left: left.into(),
            right: right.into(),
            unchanged: unchanged.get(left).copied().unwrap_or(0),
        };
        self.directories = renamed.iter().map(directory).collect();
        self.pairs.retain(|pair| !(pair.identical && pair.link == Link::Place));
    }

    /// Find added files that are copies of files that still exist.
    fn find_copies(&mut self, left: &Tree, right: &Tree) {
        let added = self.unsplit(&self.added);
        if added.is_empty() {
            return;
        }
        let added_sizes = sizes(right, &added);
        let sources = left.files.iter().filter(|(name, _)| !self.removed.contains(*name));
        let sources: BTreeSet<String> = sources
            .filter(|(_, entry)| added_sizes.contains(&entry.side.bytes))
            .map(|(name, _)| name.clone())
            .collect();
        let new_hashes = self.hashes(right, &added, &sizes(left, &sources));
        let wanted: BTreeSet<&[u8; 32]> = new_hashes.values().collect();
        let mut by_hash: BTreeMap<[u8; 32], Vec<String>> = BTreeMap::new();
        for (name, hash) in read_hashes(left, &sources, &added_sizes) {
            // A source that cannot be read has a finding, because it was compared with its newer version.
            let Ok(hash) = hash else { continue };
            if wanted.contains(&hash) {
                by_hash.entry(hash).or_default().push(name);
            }
        }
        for (name, hash) in new_hashes {
            let Some(sources) = by_hash.get(&hash) else { continue };
            let same_name = sources.iter().find(|source| file_name(source) == file_name(&name));
            self.link(same_name.unwrap_or(&sources[0]), &name, true, Link::Copy(None));
        }
        let changed: BTreeSet<&str> = self.pairs.iter().map(|pair| pair.left.as_str()).collect();
        let copies = similar::find_copies(left, right, &self.unsplit(&self.added), &changed);
        for (old, new, percent) in copies {
            self.link(&old, &new, false, Link::Copy(Some(percent)));
        }
    }

    /// Report files that may contain a removed file, or be contained in one, in compressed form.
    fn find_packed(&mut self, left: &Tree, right: &Tree) {
        let packed_now = packed(&self.added, &self.removed, right);
        let unpacked =
            packed(&self.removed, &self.added, left).into_iter().map(|(packed, plain)| (plain, packed));
        for (path, other) in packed_now.into_iter().chain(unpacked) {
            let message = format!("not compared with `{other}`: the content of compressed files is not read");
            self.findings.push(Diagnostic::at(Severity::Error, path, message));
        }
    }
}

/// Return the compressed files in `names` that have the name of a file or directory in `others`, and this name. `tree`
/// is the snapshot of `names`.
fn packed(names: &BTreeSet<String>, others: &BTreeSet<String>, tree: &Tree) -> Vec<(String, String)> {
    let plain = |stem: &str| -> Option<String> {
        let below = join(stem, "");
        let mut starting = others.range(stem.to_owned()..).take_while(|other| other.starts_with(stem));
        let in_directory =
            others.range(below.clone()..).next().is_some_and(|other| other.starts_with(&below));
        if others.contains(stem) || (in_directory && tree.below(stem).next().is_none()) {
            return Some(stem.into());
        }
        // `x.zip` can contain `x.csv`.
        let other = starting.find(|other| {
            let extension = other[stem.len()..].strip_prefix('.');
            extension.is_some_and(|extension| !extension.contains(['.', '/']))
                && strip_packed(other).is_none()
        })?;
        (!file_name(stem).contains('.')).then(|| other.clone())
    };
    let pair = |name: &String| {
        let mut stems = std::iter::successors(strip_packed(name), |stem| strip_packed(stem));
        Some((name.clone(), stems.find_map(plain)?))
    };
    names.iter().filter_map(pair).collect()
}

/// Remove the extension of a compressed file or archive.
fn strip_packed(path: &str) -> Option<&str> {
    let format = Format::recognise(path, b"")?;
    let (stem, _) = path.rsplit_once('.')?;
    matches!(format.kind, FormatKind::Compressed | FormatKind::Archive).then_some(stem)
}

fn sizes(tree: &Tree, names: &BTreeSet<String>) -> BTreeSet<u64> {
    names.iter().map(|name| tree.files[name].side.bytes).collect()
}

/// Return the digests of the files of these sizes, or the reasons why they cannot be read. Empty files are left out: all
/// are the same, so they prove nothing.
fn read_hashes(
    tree: &Tree,
    names: &BTreeSet<String>,
    sizes: &BTreeSet<u64>,
) -> Vec<(String, Result<[u8; 32], String>)> {
    let fits = |name: &&String| {
        let bytes = tree.files[*name].side.bytes;
        bytes > 0 && sizes.contains(&bytes)
    };
    let names: Vec<&String> = names.iter().filter(fits).collect();
    let hashes = parallel::map(&names, || (), |(), name| content::hash(&tree.files[*name]));
    names.into_iter().cloned().zip(hashes).collect()
}

/// Return the pairs of files with the same name and content in different directories.
fn same_name_and_content<'a>(old: &'a Hashes, new: &'a Hashes) -> Vec<(&'a str, &'a str)> {
    /// More files than this with the same name and content are not evidence.
    const COMMON: usize = 16;
    let mut groups: BTreeMap<(&str, &[u8; 32]), Vec<&str>> = BTreeMap::new();
    for (name, hash) in new {
        groups.entry((file_name(name), hash)).or_default().push(name);
    }
    let mut pairs = Vec::new();
    for (name, hash) in old {
        let same = groups.get(&(file_name(name), hash)).filter(|same| same.len() <= COMMON);
        pairs.extend(same.into_iter().flatten().map(|new| (name.as_str(), *new)));
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;
    use crate::similar::SplitPart;
    use crate::walk;

    /// A snapshot in a temporary directory, which is removed at the end.
    struct Snapshot(std::path::PathBuf);

    impl Snapshot {
        fn new<T: AsRef<str>>(test: &str, files: impl IntoIterator<Item = (T, T)>) -> Self {
            let root = std::env::temp_dir().join(format!("binoc-pair-{}-{test}", std::process::id()));
            std::fs::create_dir_all(&root).unwrap();
            for (name, content) in files {
                let path = root.join(name.as_ref());
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, content.as_ref()).unwrap();
            }
            Self(root)
        }

        fn tree(&self) -> Tree {
            walk::directory(&self.0, &Limits::default()).unwrap()
        }
    }

    impl Drop for Snapshot {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    fn pairing(test: &str, old: &[(&str, &str)], new: &[(&str, &str)]) -> Pairing {
        let old = Snapshot::new(&format!("{test}-a"), old.iter().copied());
        let new = Snapshot::new(&format!("{test}-b"), new.iter().copied());
        pair(&old.tree(), &new.tree())
    }

    fn pairs(test: &str, old: &[(&str, &str)], new: &[(&str, &str)]) -> Vec<(String, String, Link)> {
        let result = pairing(test, old, new);
        let mut pairs: Vec<_> =
            result.pairs.into_iter().map(|pair| (pair.left, pair.right, pair.link)).collect();
        pairs.sort_by(|a, b| a.1.cmp(&b.1));
        pairs
    }

    fn rename(old: &str, new: &str) -> (String, String, Link) {
        (old.into(), new.into(), Link::Rename(None))
    }

    /// Lines that no other seed gives.
    fn lines(seed: &str, range: std::ops::Range<usize>) -> String {
        range.map(|n| format!("{seed}{n},{}\n", n * n)).collect()
    }

    #[test]
    fn moved_file_is_a_rename() {
        let content = "a,b\n1,2\n";
        assert_eq!(
            pairs("moved", &[("x.csv", content)], &[("s/x.csv", content)]),
            [rename("x.csv", "s/x.csv")]
        );
    }

    #[test]
    fn same_file_name_is_preferred() {
        let pairs = pairs(
            "kept",
            &[("1/x", "same"), ("1/y", "same"), ("3/z", "same")],
            &[("2/a", "same"), ("3/x", "same"), ("4/y", "same")],
        );
        assert_eq!(pairs, [rename("3/z", "2/a"), rename("1/x", "3/x"), rename("1/y", "4/y")]);
    }

    #[test]
    fn empty_files_are_neither_renames_nor_copies() {
        assert_eq!(pairs("empty", &[("x", ""), ("z", "")], &[("y", ""), ("z", "")]), []);
    }

    #[test]
    fn rename_with_edits_is_found() {
        let old = lines("r", 0..20);
        let new = old.replace("r7,", "r seven,");
        let pairs = pairs("edited", &[("old.txt", &old)], &[("new.txt", &new)]);
        assert!(matches!(pairs[..], [(_, _, Link::Rename(Some(90..)))]), "{pairs:?}");
    }

    #[test]
    fn files_with_little_in_common_are_not_paired() {
        let pairs =
            pairs("other", &[("x.txt", "head\none\ntwo\nthree\n")], &[("y.txt", "head\n1\n2\n3 is more\n")]);
        assert_eq!(pairs, []);
    }

    #[test]
    fn name_decides_between_similar_files() {
        let base = lines("r", 0..50);
        let file = |name: &str, year: u32| format!("{base}{}", lines(&format!("{name}{year}-"), 0..10));
        let pairs = pairs(
            "names",
            &[("s_2021.csv", &file("s", 2021)), ("t_2021.csv", &file("t", 2021))],
            &[
                ("s_2022.csv", &file("t", 2021).replace("r7,", "r77,")),
                ("t_2022.csv", &file("s", 2021).replace("r9,", "r99,")),
            ],
        );
        let names: Vec<_> = pairs.iter().map(|pair| (pair.0.as_str(), pair.1.as_str())).collect();
        assert_eq!(names, [("s_2021.csv", "s_2022.csv"), ("t_2021.csv", "t_2022.csv")]);
    }

    #[test]
    fn file_in_unreadable_directory_is_not_removed() {
        let old = Snapshot::new("blocked", [("d/x", "1"), ("y", "2")]);
        let mut right = Tree::default();
        right.blocked.insert("d".into(), (Severity::Error, "unreadable".into()));
        assert_eq!(pair(&old.tree(), &right).removed, BTreeSet::from(["y".to_owned()]));
    }

    #[test]
    fn renamed_directory_is_one_entry() {
        let (x, y, z) = (lines("x", 0..9), lines("y", 0..9), lines("z", 0..9));
        let result = pairing(
            "directory",
            &[("k/d/x.csv", &x), ("k/d/s/y.csv", &y), ("k/d/z.csv", &z), ("k/d/gone.csv", "1"), ("o", "1")],
            &[("n/d/x.csv", &x), ("n/d/s/y.csv", &y), ("n/d/z.csv", "new"), ("n/d/new.csv", "2"), ("o", "1")],
        );
        assert_eq!(result.directories, [Directory { left: "k".into(), right: "n".into(), unchanged: 2 }]);
        let [pair] = &result.pairs[..] else { panic!("{:?}", result.pairs) };
        assert_eq!((pair.right.as_str(), pair.identical, &pair.link), ("n/d/z.csv", false, &Link::Place));
        assert_eq!(result.removed, BTreeSet::from(["k/d/gone.csv".to_owned()]));
        assert_eq!(result.added, BTreeSet::from(["n/d/new.csv".to_owned()]));
    }

    #[test]
    fn all_files_moved_into_a_directory_are_one_entry() {
        let (x, y) = (lines("x", 0..9), lines("y", 0..9));
        let flat: [(&str, &str); 2] = [("d/x", &x), ("d/y", &y)];
        let deep: [(&str, &str); 2] = [("d/e/x", &x), ("d/e/y", &y)];
        let into = pairing("into", &flat, &deep);
        assert_eq!(into.directories, [Directory { left: "d".into(), right: "d/e".into(), unchanged: 2 }]);
        assert_eq!(into.pairs, []);
        let out = pairing("out", &deep, &flat);
        assert_eq!(out.directories, [Directory { left: "d/e".into(), right: "d".into(), unchanged: 2 }]);
    }

    #[test]
    fn directory_that_still_exists_was_not_renamed() {
        let (x, y) = (lines("x", 0..9), lines("y", 0..9));
        let result = pairing(
            "rest",
            &[("d/x", &x), ("d/y", &y), ("d/z", "1")],
            &[("e/x", &x), ("e/y", &y), ("d/z", "1")],
        );
        assert_eq!(result.directories, []);
        assert_eq!(result.pairs.len(), 2);
    }

    #[test]
    fn directory_of_the_next_year_takes_the_place_of_the_last() {
        let files = |year: u32| {
            ["x.csv", "y.csv", "z.csv"]
                .map(|name| (format!("{year}/{name}"), lines(&format!("{year}{name}"), 0..9)))
        };
        let (old, new) = (Snapshot::new("years-a", files(2024)), Snapshot::new("years-b", files(2025)));
        let result = pair(&old.tree(), &new.tree());
        assert_eq!(
            result.directories,
            [Directory { left: "2024".into(), right: "2025".into(), unchanged: 0 }]
        );
        assert_eq!(result.pairs.len(), 3);
    }

    #[test]
    fn successor_has_the_same_name_except_for_the_year() {
        let found = pairs("successor", &[("s_2022.csv", "a\n")], &[("s_2023.csv", "b\n")]);
        let tokens = Link::Successor(vec![("2022".into(), "2023".into())], None);
        assert_eq!(found, [("s_2022.csv".into(), "s_2023.csv".into(), tokens)]);
        let kept = [("s_2021.csv", "x\n"), ("s_2022.csv", "a\n")];
        assert_eq!(pairs("kept-years", &kept, &[("s_2021.csv", "x\n"), ("s_2023.csv", "b\n")]), []);
        assert_eq!(pairs("ambiguous", &kept, &[("s_2023.csv", "b\n")]), []);
    }

    #[test]
    fn copies_are_found_with_and_without_edits() {
        let content = lines("x", 0..40);
        let edited = content.replace("x7,", "x seven,");
        let found = pairs(
            "copies",
            &[("x.csv", &content), ("y.csv", "other\n")],
            &[("x.csv", &content), ("y.csv", "other\n"), ("same.csv", &content), ("edited.csv", &edited)],
        );
        let [(from, edited, Link::Copy(Some(percent))), (_, same, Link::Copy(None))] = &found[..] else {
            panic!("{found:?}")
        };
        assert_eq!((from.as_str(), edited.as_str(), same.as_str()), ("x.csv", "edited.csv", "same.csv"));
        assert!((90..100).contains(percent));
    }

    #[test]
    fn split_and_merge_name_the_other_files() {
        let head = "name,square\n";
        let whole = format!("{head}{}", lines("x", 0..100));
        let (p, q) = (format!("{head}{}", lines("x", 0..60)), format!("{head}{}", lines("x", 60..100)));
        let parts: [(&str, &str); 2] = [("p.csv", &p), ("q.csv", &q)];
        let expected = |merged| Split {
            whole: "all.csv".into(),
            parts: vec![
                SplitPart { name: "p.csv".into(), shared: Some(61), lines: 61 },
                SplitPart { name: "q.csv".into(), shared: Some(40), lines: 41 },
            ],
            merged,
        };
        let split = pairing("split", &[("all.csv", &whole)], &parts);
        assert_eq!((split.splits, split.pairs), (vec![expected(false)], vec![]));
        let merge = pairing("merge", &parts, &[("all.csv", &whole)]);
        assert_eq!((merge.splits, merge.pairs), (vec![expected(true)], vec![]));
    }

    #[test]
    fn a_part_can_move_from_and_to_a_file_that_still_exists() {
        let (all, most, rest) = (lines("x", 0..100), lines("x", 0..70), lines("x", 70..100));
        let part = |name: &str, lines| SplitPart { name: name.into(), shared: Some(lines), lines };
        let parts = vec![part("rest.csv", 30), part("x.csv", 70)];
        let split = pairing("move", &[("x.csv", &all)], &[("x.csv", &most), ("rest.csv", &rest)]);
        assert_eq!(split.splits, [Split { whole: "x.csv".into(), parts: parts.clone(), merged: false }]);
        let merge = pairing("back", &[("x.csv", &most), ("rest.csv", &rest)], &[("x.csv", &all)]);
        assert_eq!(merge.splits, [Split { whole: "x.csv".into(), parts, merged: true }]);
        let other = lines("other", 0..30);
        let grown = pairing("grown", &[("x.csv", &most), ("rest.csv", &other)], &[("x.csv", &all)]);
        assert_eq!(grown.splits, []);
    }

    #[test]
    fn similar_versions_are_not_the_parts_of_a_split() {
        let whole = lines("x", 0..100);
        let (most, also) = (lines("x", 0..90), lines("x", 5..95));
        let result = pairing("versions", &[("x.csv", &whole)], &[("y.csv", &most), ("z.csv", &also)]);
        assert_eq!((result.splits.len(), result.pairs.len()), (0, 1));
    }

    /// Apply random changes to a snapshot.
    fn mutate(
        files: &BTreeMap<String, String>,
        random: &mut impl FnMut(usize) -> usize,
    ) -> BTreeMap<String, String> {
        let mut new = files.clone();
        for step in 0..random(12) {
            let names: Vec<String> = new.keys().cloned().collect();
            if names.is_empty() {
                break;
            }
            let name = names[random(names.len())].clone();
            let content = new[&name].clone();
            let half = content.lines().count() / 2;
            match random(8) {
                0 => drop(new.remove(&name)),
                1 => drop(new.insert(name, format!("{content}more{step}\n"))),
                2 => drop(new.insert(format!("copy{step}/{}", file_name(&name)), content)),
                3 => drop(new.insert(format!("new{step}.csv"), lines(&format!("new{step}-"), 0..random(9)))),
                4 => {
                    new.remove(&name);
                    new.insert(
                        format!("d{}/r_202{}.csv", random(3), random(9)),
                        format!("{content}and{step}\n"),
                    );
                }
                5 => {
                    // A name below a file would not be possible on disk.
                    let directory = name.split('/').next().filter(|_| name.contains('/')).unwrap_or("none");
                    for name in names.iter().filter(|name| name.starts_with(&format!("{directory}/"))) {
                        let content = new.remove(name).unwrap();
                        new.insert(format!("to{step}/{name}"), content);
                    }
                }
                6 => {
                    new.remove(&name);
                    let part =
                        |lines: Vec<&str>| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
                    new.insert(format!("part{step}-1.csv"), part(content.lines().take(half).collect()));
                    new.insert(format!("part{step}-2.csv"), part(content.lines().skip(half).collect()));
                }
                _ => {
                    new.remove(&name);
                    new.insert(format!("{name}.gz"), "packed".into());
                }
            }
        }
        new
    }

    #[test]
    fn each_file_is_reported_exactly_once() {
        let mut state = 9_u64;
        let mut random = |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) as usize % below.max(1)
        };
        for round in 0..60 {
            let old: BTreeMap<String, String> = (0..random(14))
                .map(|n| {
                    let name = format!("d{}/s{}/f_{}.csv", random(3), random(2), 2000 + n);
                    // Some files have the same content, and some are empty.
                    (name, lines(&format!("x{}-", random(9)), 0..random(4) * 8))
                })
                .collect();
            let new = mutate(&old, &mut random);
            let before = Snapshot::new(&format!("random-{round}-a"), old.clone());
            let after = Snapshot::new(&format!("random-{round}-b"), new.clone());
            let result = pair(&before.tree(), &after.tree());
            let context = || format!("round {round}: {old:#?} {new:#?} {result:#?}");
            let mut left: Vec<&String> = result.removed.iter().collect();
            let mut right: Vec<&String> = result.added.iter().collect();
            for pair in &result.pairs {
                assert_eq!(pair.identical, old[&pair.left] == new[&pair.right], "{}", context());
                right.push(&pair.right);
                if !matches!(pair.link, Link::Copy(_)) {
                    left.push(&pair.left);
                }
            }
            let unique = |names: &[&String]| names.iter().collect::<BTreeSet<_>>().len() == names.len();
            assert!(unique(&left) && unique(&right), "{}", context());
            // The other files are the same at the same place, or below a renamed directory.
            let mut unchanged = 0;
            for (name, content) in old.iter().filter(|(name, _)| !left.contains(name)) {
                let directory =
                    result.directories.iter().rev().find(|it| walk::below(&it.left, name).is_some());
                let target = directory
                    .map_or(name.clone(), |it| join(&it.right, walk::below(&it.left, name).unwrap()));
                assert!(
                    new.get(&target) == Some(content) && !right.contains(&&target),
                    "{name}: {}",
                    context()
                );
                unchanged += u64::from(directory.is_some());
            }
            assert_eq!(
                result.directories.iter().map(|it| it.unchanged).sum::<u64>(),
                unchanged,
                "{}",
                context()
            );
            let rest = new.len() - right.len();
            assert_eq!(rest, old.len() - left.len(), "{}", context());
            for part in result.splits.iter().flat_map(|split| &split.parts) {
                assert!(old.contains_key(&part.name) || new.contains_key(&part.name), "{}", context());
            }
        }
    }

    #[test]
    fn compressed_file_is_an_error_because_it_was_not_read() {
        for (old, new) in [
            ("d.csv", "d.csv.gz"),
            ("d.csv.gz", "d.csv"),
            ("s/d.csv", "s/d.zip"),
            ("d/x", "d.tar.gz"),
            ("d.tar", "d.tar.xz"),
        ] {
            let result = pairing("packed", &[(old, "old content")], &[(new, "packed")]);
            let [finding] = &result.findings[..] else { panic!("{old} {new}: {:?}", result.findings) };
            assert_eq!((finding.severity, finding.path.as_deref()), (Severity::Error, Some(new)));
        }
        for (old, new) in
            [("d.csv", "e.csv.gz"), ("d.csv", "d.csv.bak"), ("d.csv.bak", "d.csv.gz"), ("d.gz", "d.zip")]
        {
            assert_eq!(pairing("plain", &[(old, "old content")], &[(new, "packed")]).findings, []);
        }
    }
}
