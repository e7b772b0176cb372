//! Taking what is sent: into a file beside the buckets, and checked against
//! every checksum that came with it.

use std::fs::{File, Metadata};
use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures::StreamExt as _;
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Md5};
use s3s::dto::{Checksum, ChecksumAlgorithm, StreamingBlob};
use s3s::{S3Error, S3Result, TrailingHeaders, s3_error};
use tokio::task::spawn_blocking;

use crate::body::{IDLE_TIME, is_late};
use crate::conditions::WriteConditions;
use crate::folders::{Folders, Unplaced, failed};

/// Bytes that are written at once.
const PIECE: usize = 256 * 1024;

/// What came with a body.
#[derive(Default)]
pub(crate) struct Claims {
    /// `Content-Length`
    pub length: Option<i64>,
    /// `Content-MD5`
    pub md5: Option<String>,
    /// The algorithm of which the trailer will have the checksum.
    pub algorithm: Option<ChecksumAlgorithm>,
    /// The checksums in the headers.
    pub checksums: Checksum,
    /// The checksums behind the body.
    pub trailers: Option<TrailingHeaders>,
}

/// A body that came whole.
pub(crate) struct Received {
    pub file: File,
    pub unplaced: Unplaced,
    /// The checksums that were checked.
    pub checksums: Checksum,
}

/// Takes a body.
pub(crate) async fn receive(
    folders: &Folders,
    body: Option<StreamingBlob>,
    claims: Claims,
) -> S3Result<Received> {
    let mut hasher = hasher(&claims)?;
    let mut md5 = claims.md5.as_ref().map(|_| Md5::new());
    let (mut file, unplaced) = blocking({
        let folders = folders.clone();
        move || folders.unplaced()
    })
    .await?;
    let (mut length, mut piece) = (0u64, Vec::with_capacity(PIECE));
    if let Some(mut body) = body {
        while let Some(bytes) = body.next().await {
            let bytes: Bytes = bytes.map_err(broken_off)?;
            hasher.update(&bytes);
            if let Some(md5) = &mut md5 {
                md5.update(&bytes);
            }
            length += bytes.len() as u64;
            piece.extend_from_slice(&bytes);
            if piece.len() >= PIECE {
                (file, piece) = write(file, piece).await?;
            }
        }
    }
    (file, _) = write(file, piece).await?;
    if claims.length.is_some_and(|claimed| u64::try_from(claimed).ok() != Some(length)) {
        return Err(s3_error!(IncompleteBody));
    }
    if let (Some(claimed), Some(md5)) = (&claims.md5, md5)
        && STANDARD.decode(claimed).ok().as_deref() != Some(md5.finalize().as_ref())
    {
        return Err(s3_error!(BadDigest, "The Content-MD5 is not that of what was received"));
    }
    let (checksums, claimed) = (hasher.finalize(), with_trailers(claims));
    compare(&checksums, &claimed)?;
    Ok(Received { file, unplaced, checksums })
}

impl Received {
    /// Makes it the object at a key, if the conditions hold.
    pub async fn place(
        self,
        folders: &Folders,
        (bucket, key): (String, String),
        conditions: WriteConditions,
    ) -> S3Result<(Metadata, Checksum)> {
        let folders = folders.clone();
        let Self { file, unplaced, checksums } = self;
        let metadata = blocking(move || folders.place(unplaced, &file, &bucket, &key, &conditions)).await?;
        Ok((metadata, checksums))
    }
}

/// Runs file work where it may block.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> S3Result<T> + Send + 'static,
) -> S3Result<T> {
    spawn_blocking(work).await.map_err(|error| failed(std::io::Error::other(error)))?
}

/// A body that ends early.
fn broken_off(error: s3s::StdError) -> S3Error {
    if is_late(&error) {
        return s3_error!(RequestTimeout, "Nothing of the body came for {} seconds", IDLE_TIME.as_secs());
    }
    s3_error!(std::io::Error::other(error), IncompleteBody)
}

async fn write(mut file: File, mut piece: Vec<u8>) -> S3Result<(File, Vec<u8>)> {
    blocking(move || {
        file.write_all(&piece).map_err(failed)?;
        piece.clear();
        Ok((file, piece))
    })
    .await
}

/// What to compute: the checksums that are claimed, and that of the algorithm
/// whose claim comes behind the body.
fn hasher(claims: &Claims) -> S3Result<ChecksumHasher> {
    let Checksum {
        checksum_crc32, checksum_crc32c, checksum_crc64nvme, checksum_sha1, checksum_sha256, ..
    } = &claims.checksums;
    let algorithm = claims.algorithm.as_ref().map(ChecksumAlgorithm::as_str);
    // Whoever sends trailers need not say which, so all of the quick ones are computed.
    let unknown = claims.trailers.is_some() && algorithm.is_none();
    let named = |name| algorithm == Some(name);
    if let Some(name) = algorithm
        && ![
            ChecksumAlgorithm::CRC32,
            ChecksumAlgorithm::CRC32C,
            ChecksumAlgorithm::CRC64NVME,
            ChecksumAlgorithm::SHA1,
            ChecksumAlgorithm::SHA256,
        ]
        .contains(&name)
    {
        return Err(s3_error!(NotImplemented, "The checksum algorithm {name} is not supported"));
    }
    let wants = |claimed: &Option<String>, name| claimed.is_some() || named(name) || unknown;
    Ok(ChecksumHasher {
        crc32: wants(checksum_crc32, ChecksumAlgorithm::CRC32).then(Default::default),
        crc32c: wants(checksum_crc32c, ChecksumAlgorithm::CRC32C).then(Default::default),
        sha1: wants(checksum_sha1, ChecksumAlgorithm::SHA1).then(Default::default),
        sha256: wants(checksum_sha256, ChecksumAlgorithm::SHA256).then(Default::default),
        crc64nvme: wants(checksum_crc64nvme, ChecksumAlgorithm::CRC64NVME).then(Default::default),
    })
}

/// The claims of the headers and of the trailers together.
fn with_trailers(claims: Claims) -> Checksum {
    let mut checksums = claims.checksums;
    let trailers = claims.trailers.and_then(|trailers| trailers.take());
    let text = |name: &str| {
        let value = trailers.as_ref()?.get(name)?;
        // What is no text equals no checksum.
        Some(value.to_str().unwrap_or_default().to_owned())
    };
    for (claimed, name) in [
        (&mut checksums.checksum_crc32, "x-amz-checksum-crc32"),
        (&mut checksums.checksum_crc32c, "x-amz-checksum-crc32c"),
        (&mut checksums.checksum_crc64nvme, "x-amz-checksum-crc64nvme"),
        (&mut checksums.checksum_sha1, "x-amz-checksum-sha1"),
        (&mut checksums.checksum_sha256, "x-amz-checksum-sha256"),
    ] {
        if let Some(text) = text(name) {
            *claimed = Some(text);
        }
    }
    checksums
}

fn compare(found: &Checksum, claimed: &Checksum) -> S3Result<()> {
    for (found, claimed) in [
        (&found.checksum_crc32, &claimed.checksum_crc32),
        (&found.checksum_crc32c, &claimed.checksum_crc32c),
        (&found.checksum_crc64nvme, &claimed.checksum_crc64nvme),
        (&found.checksum_sha1, &claimed.checksum_sha1),
        (&found.checksum_sha256, &claimed.checksum_sha256),
    ] {
        if claimed.is_some() && found != claimed {
            return Err(s3_error!(BadDigest, "The checksum is not that of what was received"));
        }
    }
    Ok(())
}
