//! Uploads in parts: a folder beside the buckets with a file for each part,
//! put together when all are there.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use s3s::dto::{CompletedPart, ETag};
use s3s::{S3Result, s3_error};

use crate::folders::{Folders, Unplaced, failed, tag};

/// The most parts of an upload.
const MOST_PARTS: i32 = 10_000;

/// The file that says where the object will be.
const PLACE: &str = "place";

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
    let id = uuid::Uuid::new_v4().to_string();
    let folder = folders.upload(&id)?;
    fs::create_dir(&folder)
        .and_then(|()| fs::write(folder.join(PLACE), place(bucket, key)))
        .map_err(failed)?;
    Ok(id)
}

/// The folder of an upload that is for this place.
pub(crate) fn find(folders: &Folders, id: &str, bucket: &str, key: &str) -> S3Result<PathBuf> {
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
        let number = entry.file_name().to_str().and_then(|name| name.parse().ok());
        if let Some(number) = number {
            found.push(part(number, entry.path())?);
        }
    }
    found.sort_by_key(|part| part.number);
    Ok(found)
}

/// Puts parts together in one new file.
pub(crate) fn join(folders: &Folders, folder: &Path, asked: &[CompletedPart]) -> S3Result<(File, Unplaced)> {
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
        let same = |part: &&Part| {
            part.number == number && wanted.e_tag.as_ref().is_none_or(|tag| tag.value() == part.tag.value())
        };
        let part = there.iter().find(same).ok_or_else(|| s3_error!(InvalidPart))?;
        File::open(&part.path).and_then(|mut part| io::copy(&mut part, &mut file)).map_err(failed)?;
    }
    Ok((file, unplaced))
}

/// Forgets an upload.
pub(crate) fn forget(folder: &Path) -> S3Result<()> {
    fs::remove_dir_all(folder).map_err(failed)
}

fn part(number: i32, path: PathBuf) -> S3Result<Part> {
    let metadata = fs::metadata(&path).map_err(failed)?;
    Ok(Part { number, tag: tag(&metadata), bytes: metadata.len(), path })
}

/// A bucket's name has no slash, so this names one place.
fn place(bucket: &str, key: &str) -> String {
    format!("{bucket}/{key}")
}
