//! The list of the files of a snapshot. Each entry that is not a readable regular file becomes a finding.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::ops::Bound;
use std::path::{Component, Path, PathBuf};
use std::time::SystemTime;

use binoc_sdk::{Diagnostic, Error, Result, Severity, Side, show};

use crate::limits::Limits;

/// A file of a snapshot, and its size and time when it was listed.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) side: Side,
    modified: Option<SystemTime>,
    /// The device and number of the file, if the system has them.
    inode: Option<(u64, u64)>,
}

impl Entry {
    pub(crate) fn new(path: impl Into<PathBuf>, metadata: &Metadata) -> Self {
        let side = Side::new(path, metadata.len());
        Self { side, modified: metadata.modified().ok(), inode: inode(metadata) }
    }

    /// Return whether both are the same file, such as hard links in snapshots that share unchanged files.
    pub(crate) fn is_same_file(&self, other: &Self) -> bool {
        // Some network file systems repeat numbers, so compare the rest too.
        let all = |entry: &Self| (entry.inode, entry.side.bytes, entry.modified);
        self.inode.is_some() && all(self) == all(other)
    }

    /// Return whether the file still has the size and time of the list.
    pub(crate) fn is_unchanged(&self, metadata: &Metadata) -> bool {
        metadata.len() == self.side.bytes && metadata.modified().ok() == self.modified
    }
}

#[cfg(unix)]
fn inode(metadata: &Metadata) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    Some((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn inode(_: &Metadata) -> Option<(u64, u64)> {
    None
}

/// The files of one snapshot by path, with `/` as separator.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    pub(crate) files: BTreeMap<String, Entry>,
    /// Paths that cannot be compared, including everything below them, with the reason.
    pub(crate) blocked: BTreeMap<String, (Severity, String)>,
    /// Whether the snapshot is a single file; its name is not compared.
    pub(crate) single: bool,
}

impl Tree {
    /// Return true if a file of this name, or a directory above it, could not be read.
    pub(crate) fn is_blocked(&self, name: &str) -> bool {
        let parents = name.match_indices('/').map(|(end, _)| &name[..end]);
        !self.blocked.is_empty() && parents.chain([name, ""]).any(|path| self.blocked.contains_key(path))
    }

    /// Return the files below a directory; the root is the empty path.
    pub(crate) fn below<'a>(&'a self, directory: &'a str) -> impl Iterator<Item = &'a str> {
        let start = if directory.is_empty() { String::new() } else { format!("{directory}/") };
        let files = self.files.range::<str, _>((Bound::Included(start.as_str()), Bound::Unbounded));
        files.map(|(path, _)| path.as_str()).take_while(move |path| below(directory, path).is_some())
    }
}

pub(crate) fn file(path: &Path) -> Result<Tree> {
    let metadata = fs::metadata(path).map_err(|error| Error::io(path, error))?;
    if !metadata.is_file() {
        return Err(Error::new(format!("`{}` is neither a directory nor a regular file", path.display())));
    }
    let name = display_name(path.file_name().unwrap_or(path.as_os_str()));
    let entry = Entry::new(path, &metadata);
    Ok(Tree { files: BTreeMap::from([(name, entry)]), single: true, ..Tree::default() })
}

pub(crate) fn directory(root: &Path, limits: &Limits) -> Result<Tree> {
    fs::read_dir(root).map_err(|error| Error::io(root, error))?;
    let mut tree = Tree::default();
    // Not recursive, because deep nesting must not overflow the stack.
    let mut todo: Vec<(PathBuf, String, usize)> = vec![(root.into(), String::new(), 0)];
    while let Some((directory, name, depth)) = todo.pop() {
        if depth > limits.depth {
            let reason = format!("deeper than {} directories, not compared", limits.depth);
            tree.blocked.insert(name, (Severity::Error, reason));
            continue;
        }
        if let Err(error) = read_directory(&mut tree, &mut todo, &directory, &name, depth) {
            tree.blocked.insert(name, (Severity::Error, unreadable(&error)));
        }
        if tree.files.len() > limits.entries {
            let limit = limits.entries;
            return Err(Error::new(format!(
                "`{}` has more than {limit} files; compare parts of it",
                root.display()
            )));
        }
    }
    Ok(tree)
}

fn read_directory(
    tree: &mut Tree,
    todo: &mut Vec<(PathBuf, String, usize)>,
    directory: &Path,
    name: &str,
    depth: usize,
) -> std::io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let own = display_name(&entry.file_name());
        let name = join(name, &own);
        if tree.files.contains_key(&name) {
            let reason = "two names that are not UTF-8 look alike, compared only once".into();
            tree.blocked.insert(name, (Severity::Error, reason));
            continue;
        }
        // `DirEntry::metadata` does not follow a symbolic link.
        let metadata = match entry.metadata() {
            Ok(metadata) => metadata,
            Err(error) => {
                tree.blocked.insert(name, (Severity::Error, unreadable(&error)));
                continue;
            }
        };
        let kind = metadata.file_type();
        if kind.is_dir() {
            todo.push((entry.path(), name, depth + 1));
        } else if kind.is_file() {
            tree.files.insert(name, Entry::new(entry.path(), &metadata));
        } else if kind.is_symlink() {
            tree.blocked.insert(name, (Severity::Warning, "symbolic link, not followed".into()));
        } else {
            // Opening a pipe would block forever.
            tree.blocked.insert(name, (Severity::Warning, "neither file nor directory, not opened".into()));
        }
    }
    Ok(())
}

/// Return a finding for each blocked path; only one if it is blocked in both snapshots for the same reason.
pub(crate) fn findings(left: &Tree, right: &Tree) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    for (name, blocked) in &left.blocked {
        let side =
            if right.blocked.get(name) == Some(blocked) { "both snapshots" } else { "the older snapshot" };
        findings.push((name, blocked, side));
    }
    for (name, blocked) in &right.blocked {
        if left.blocked.get(name) != Some(blocked) {
            findings.push((name, blocked, "the newer snapshot"));
        }
    }
    let diagnostic = |(name, (severity, reason), side): (&String, &(Severity, String), &str)| {
        Diagnostic::at(*severity, name, format!("{reason} (in {side})"))
    };
    findings.into_iter().map(diagnostic).collect()
}

/// Return the names of two snapshots: the shortest ends of their real paths that differ.
///
/// So the report does not depend on the working directory, nor on how the user typed the paths.
pub(crate) fn names(from: &Path, to: &Path) -> Result<(String, String)> {
    let parts = |path: &Path| -> Result<Vec<String>> {
        let path = fs::canonicalize(path).map_err(|error| Error::io(path, error))?;
        let normal = path.components().filter_map(|part| match part {
            Component::Normal(name) => Some(display_name(name)),
            _ => None,
        });
        Ok(normal.collect())
    };
    let (from, to) = (parts(from)?, parts(to)?);
    let shared = from.iter().rev().zip(to.iter().rev()).take_while(|(old, new)| old == new).count();
    let length = if from == to { 1 } else { shared + 1 };
    let name = |parts: &[String]| match parts {
        [] => "/".to_owned(),
        parts => parts[parts.len().saturating_sub(length)..].join("/"),
    };
    Ok((name(&from), name(&to)))
}

pub(crate) fn unreadable(error: &std::io::Error) -> String {
    let text = error.to_string();
    format!("unreadable: {}", text.split(" (os error").next().unwrap_or(&text).to_lowercase())
}

/// Return the last part of a path in a [`Tree`].
pub(crate) fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Return the path below a directory; the root is the empty path.
pub(crate) fn below<'a>(directory: &str, path: &'a str) -> Option<&'a str> {
    match directory {
        "" => Some(path),
        _ => path.strip_prefix(directory)?.strip_prefix('/'),
    }
}

/// Return the path of a file in a directory; the root is the empty path.
pub(crate) fn join(directory: &str, name: &str) -> String {
    if directory.is_empty() { name.into() } else { format!("{directory}/{name}") }
}

fn display_name(name: &OsStr) -> String {
    show::bytes(name.as_encoded_bytes())
}
