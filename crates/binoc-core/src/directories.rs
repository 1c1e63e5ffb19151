//! Search for renamed directories.

use std::collections::{BTreeMap, BTreeSet};

use crate::tokens;
use crate::walk::{Tree, below, join};

/// The number of newer names of a directory that are considered.
const CANDIDATES: usize = 4;

/// The renamed directories, from older to newer path. The root is the empty path.
#[derive(Debug, Default)]
pub(crate) struct Renamed(BTreeMap<String, String>);

impl Renamed {
    /// Return the newer path of a file below a renamed directory.
    pub(crate) fn target(&self, path: &str) -> Option<String> {
        if self.0.is_empty() {
            return None;
        }
        // The innermost directory applies.
        ancestors(path).find_map(|directory| Some(join(self.0.get(directory)?, below(directory, path)?)))
    }

    /// Return the innermost renamed directory that contains the file.
    pub(crate) fn directory_of<'a>(&'a self, path: &str) -> Option<&'a str> {
        ancestors(path).find_map(|directory| self.0.get_key_value(directory)).map(|(from, _)| from.as_str())
    }

    /// Add the directories that are not known.
    pub(crate) fn extend(&mut self, other: Self) {
        for (from, to) in other.0 {
            if self.target(&from).is_none_or(|target| target != to) {
                self.0.entry(from).or_insert(to);
            }
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(from, to)| (from.as_str(), to.as_str()))
    }
}

/// The number of files that are evidence for a renamed directory.
#[derive(Debug, Default, Clone, Copy)]
struct Evidence {
    /// Files that have the same path below the directory, and the same or similar content.
    files: u64,
    /// Whether the names differ only in a year, date or version, and no other names do.
    name: bool,
}

/// Find renamed directories.
///
/// `renames` are removed and added files with the same or similar content. A directory was renamed if no file is left
/// in it, the newer one has no other files before, and half of its files have a file at the same place in the newer one.
pub(crate) fn find(
    left: &Tree,
    right: &Tree,
    removed: &BTreeSet<String>,
    added: &BTreeSet<String>,
    renames: &[(&str, &str)],
) -> Renamed {
    let mut evidence: BTreeMap<(&str, &str), Evidence> = BTreeMap::new();
    for (old, new) in renames {
        for pair in parents_with_same_suffix(old, new) {
            evidence.entry(pair).or_default().files += 1;
        }
    }
    for pair in same_but_for_version(left, right, removed, added) {
        evidence.entry(pair).or_default().name = true;
    }
    let mut candidates: BTreeMap<(usize, &str), Vec<(&str, Evidence)>> = BTreeMap::new();
    for ((from, to), evidence) in evidence {
        // Outer directories first.
        let depth = if from.is_empty() { 0 } else { 1 + from.matches('/').count() };
        candidates.entry((depth, from)).or_default().push((to, evidence));
    }
    let mut renamed = Renamed::default();
    for ((_, from), mut targets) in candidates {
        targets.sort_by_key(|(to, evidence)| (std::cmp::Reverse((evidence.files, evidence.name)), *to));
        let mut best: Option<(u64, &str)> = None;
        for (to, evidence) in targets.into_iter().take(CANDIDATES) {
            let known = renamed.target(from).is_some_and(|target| target == to);
            let common = if known { None } else { files_in_common(left, right, from, to, evidence) };
            best = match (best, common) {
                (Some((most, _)), Some(common)) if common <= most => best,
                (_, Some(common)) => Some((common, to)),
                _ => best,
            };
        }
        if let Some((_, to)) = best {
            renamed.0.insert(from.into(), to.into());
        }
    }
    renamed
}

/// Return the number of files at the same place in both directories; `None` if it is not a rename.
fn files_in_common(left: &Tree, right: &Tree, from: &str, to: &str, evidence: Evidence) -> Option<u64> {
    let is_gone = right.below(from).all(|path| below(to, path).is_some() && !is_below(from, to));
    let is_new = left.below(to).all(|path| below(from, path).is_some() && !is_below(to, from));
    if !is_gone || !is_new {
        return None;
    }
    let (mut files, mut common) = (0_u64, 0_u64);
    for path in left.below(from) {
        files += 1;
        let same_place = below(from, path).map(|name| join(to, name));
        common += u64::from(same_place.is_some_and(|path| right.files.contains_key(&path)));
    }
    // One file is enough only if all names are the same.
    let enough = evidence.files > 1 || (common == files && right.below(to).count() as u64 == files);
    let same_content = evidence.files > 0 && enough && evidence.files * 4 >= common;
    (common > 1 && common * 2 >= files && (evidence.name || same_content)).then_some(common)
}

/// Return whether the directory `inner` is `outer` or below it.
fn is_below(inner: &str, outer: &str) -> bool {
    inner == outer || below(outer, inner).is_some()
}

/// Return the pairs of directories that contain two files at the same place.
fn parents_with_same_suffix<'a>(old: &'a str, new: &'a str) -> Vec<(&'a str, &'a str)> {
    let (mut pairs, mut from, mut to) = (Vec::new(), old, new);
    while let (Some((old_parent, old_name)), Some((new_parent, new_name))) = (split(from), split(to)) {
        if old_name != new_name {
            break;
        }
        (from, to) = (old_parent, new_parent);
        pairs.push((from, to));
    }
    pairs
}

/// Return the parent directory and the name; `None` for the root.
fn split(path: &str) -> Option<(&str, &str)> {
    (!path.is_empty()).then(|| path.rsplit_once('/').unwrap_or(("", path)))
}

/// Return the directories that contain the path, the innermost first and the root last.
fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(split(path).map(|(parent, _)| parent), |path| Some(split(path)?.0))
}

/// Return the pairs of a directory that is gone and a directory that is new, whose paths differ only in a year, date or
/// version, if there is only one of each.
fn same_but_for_version<'a>(
    left: &Tree,
    right: &Tree,
    removed: &'a BTreeSet<String>,
    added: &'a BTreeSet<String>,
) -> Vec<(&'a str, &'a str)> {
    let directories = |names: &'a BTreeSet<String>, other: &Tree| -> BTreeSet<&'a str> {
        let mut unique = BTreeSet::new();
        for name in names {
            unique.extend(ancestors(name).take_while(|path| !path.is_empty()));
        }
        unique.into_iter().filter(|path| other.below(path).next().is_none()).collect()
    };
    let mut patterns: BTreeMap<String, (Vec<&str>, Vec<&str>)> = BTreeMap::new();
    for path in directories(removed, right) {
        let (pattern, tokens) = tokens::split(path);
        if !tokens.is_empty() {
            patterns.entry(pattern).or_default().0.push(path);
        }
    }
    for path in directories(added, left) {
        if let Some(group) = patterns.get_mut(&tokens::split(path).0) {
            group.1.push(path);
        }
    }
    let unique = |(old, new): (Vec<&'a str>, Vec<&'a str>)| match (&old[..], &new[..]) {
        ([old], [new]) => Some((*old, *new)),
        _ => None,
    };
    patterns.into_values().filter_map(unique).collect()
}
