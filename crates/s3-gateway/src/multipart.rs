//! Uploads in parts: a folder beside the buckets with a file for each part,
//! put together when all are there. What was completed is remembered for some
//! minutes, because a client that did not get the answer asks again.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use s3s::dto::{CompletedPart, ETag};
use s3s::{S3Result, s3_error};

use crate::conditions::WriteConditions;
use crate::folders::{Folders, Unplaced, failed, tag};

/// The most parts of an upload.
const MOST_PARTS: i32 = 10_000;

/// The file that says where the object will be.
const PLACE: &str = "place";

/// The file that says what the upload has become: the object's tag, and below it
/// what was asked for.
const DONE: &str = "done";

/// How long that is remembered.
const DONE_AGE: Duration = Duration::from_secs(10 * 60);

/// A part that is there.
pub(crate) struct Part {
    pub number: i32,
    pub tag: ETag,
    pub bytes: u64,
    pub path: PathBuf,
}

/// Begins an upload; gives its identifier.
pub(crate) fn begin(folders: &Folders, bucket: &str, key: &str) -> S3Result<String> {
    folders.check_place(bucket, key)?;
    if let Err(error) = sweep(folders) {
        tracing::warn!(%error, "Completed uploads could not be cleared away.");
    }
    let id = uuid::Uuid::new_v4().to_string();
    let folder = folders.upload(&id)?;
    fs::create_dir(&folder)
        .and_then(|()| fs::write(folder.join(PLACE), place(bucket, key)))
        .map_err(failed)?;
    Ok(id)
}

/// The folder of an upload that is for this place and not completed.
pub(crate) fn find(folders: &Folders, id: &str, bucket: &str, key: &str) -> S3Result<PathBuf> {
    let folder = known(folders, id, bucket, key)?;
    if folder.join(DONE).exists() { Err(s3_error!(NoSuchUpload)) } else { Ok(folder) }
}

/// The folder of an upload that is for this place, completed or not.
fn known(folders: &Folders, id: &str, bucket: &str, key: &str) -> S3Result<PathBuf> {
    let folder = folders.upload(id)?;
    match fs::read(folder.join(PLACE)) {
        Ok(found) if found == place(bucket, key).as_bytes() => Ok(folder),
        _ => Err(s3_error!(NoSuchUpload)),
    }
}

/// Takes a part that came whole; one of the same number is replaced.
pub(crate) fn add(folder: &Path, number: i32, unplaced: &Unplaced) -> S3Result<Part> {
    if !(1..=MOST_PARTS).contains(&number) {
        return Err(s3_error!(InvalidArgument, "Parts are numbered from 1 to {MOST_PARTS}"));
    }
    let path = folder.join(format!("{number:05}"));
    fs::rename(&unplaced.path, &path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => s3_error!(NoSuchUpload),
        _ => failed(error),
    })?;
    part(number, path)
}

/// The parts that are there, in their order.
pub(crate) fn parts(folder: &Path) -> S3Result<Vec<Part>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if let Some(number) = number(&entry) {
            found.push(part(number, entry.path())?);
        }
    }
    found.sort_by_key(|part| part.number);
    Ok(found)
}

/// Makes an upload an object; gives its tag. Asked again for the same, it says
/// the same. The upload's turn must be held.
pub(crate) fn complete(
    folders: &Folders,
    id: &str,
    (bucket, key): (&str, &str),
    asked: &[CompletedPart],
    conditions: &WriteConditions,
) -> S3Result<ETag> {
    let folder = known(folders, id, bucket, key)?;
    let list = list(asked);
    if let Ok(done) = fs::read_to_string(folder.join(DONE)) {
        return match done.split_once('\n') {
            Some((tag, of)) if of == list => Ok(ETag::Strong(tag.to_owned())),
            _ => Err(s3_error!(NoSuchUpload)),
        };
    }
    folders.check_conditions(bucket, key, conditions)?;
    let (file, unplaced) = join(folders, &folder, asked)?;
    let tag = tag(&folders.place(unplaced, &file, bucket, key, conditions)?);
    // The object is there: whatever fails from here on is no failure to the client.
    if let Err(error) = finish(&folder, &format!("{}\n{list}", tag.value())) {
        tracing::warn!(%error, "The parts of a completed upload could not be cleared away.");
    }
    Ok(tag)
}

/// What was asked for, as text.
fn list(asked: &[CompletedPart]) -> String {
    let line = |part: &CompletedPart| {
        let tag = part.e_tag.as_ref().map_or("", |tag| tag.value());
        format!("{} {tag}\n", part.part_number.unwrap_or_default())
    };
    asked.iter().map(line).collect()
}

/// Remembers what an upload has become, then removes its parts.
fn finish(folder: &Path, done: &str) -> io::Result<()> {
    let unfinished = folder.join("done.new");
    fs::write(&unfinished, done)?;
    fs::rename(&unfinished, folder.join(DONE))?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if number(&entry).is_some() {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Forgets what was completed a while ago.
fn sweep(folders: &Folders) -> io::Result<()> {
    for entry in fs::read_dir(folders.uploads())? {
        let folder = entry?.path();
        let Ok(done) = fs::metadata(folder.join(DONE)) else { continue };
        if done.modified()?.elapsed().unwrap_or_default() > DONE_AGE {
            match fs::remove_dir_all(folder) {
                // Another request clears away, too.
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
    }
    Ok(())
}

/// Puts parts together in one new file.
fn join(folders: &Folders, folder: &Path, asked: &[CompletedPart]) -> S3Result<(File, Unplaced)> {
    let there = parts(folder)?;
    let (mut file, unplaced) = folders.unplaced()?;
    let mut last = 0;
    if asked.is_empty() {
        return Err(s3_error!(MalformedXML, "An upload is completed from at least one part"));
    }
    for wanted in asked {
        let number = wanted.part_number.unwrap_or_default();
        if number <= last {
            return Err(s3_error!(InvalidPartOrder));
        }
        last = number;
        let part = there.iter().find(|part| part.number == number).ok_or_else(|| s3_error!(InvalidPart))?;
        let mut part = File::open(&part.path).map_err(failed)?;
        // Of the file that is read: a part of the same number may have come in its place.
        let now = tag(&part.metadata().map_err(failed)?);
        if wanted.e_tag.as_ref().is_some_and(|wanted| wanted.value() != now.value()) {
            return Err(s3_error!(InvalidPart));
        }
        io::copy(&mut part, &mut file).map_err(failed)?;
    }
    Ok((file, unplaced))
}

/// Forgets an upload.
pub(crate) fn forget(folder: &Path) -> S3Result<()> {
    fs::remove_dir_all(folder).map_err(failed)
}

/// The number of the part that a file is.
fn number(entry: &fs::DirEntry) -> Option<i32> {
    entry.file_name().to_str()?.parse().ok()
}

fn part(number: i32, path: PathBuf) -> S3Result<Part> {
    let metadata = fs::metadata(&path).map_err(failed)?;
    Ok(Part { number, tag: tag(&metadata), bytes: metadata.len(), path })
}

/// A bucket's name has no slash, so this names one place.
fn place(bucket: &str, key: &str) -> String {
    format!("{bucket}/{key}")
}
