//! S3's operations, as far as folders can carry them out. What a folder cannot
//! keep (metadata, tags, versions, access lists) is not kept.

use std::fs::{File, Metadata};
use std::io;
use std::time::SystemTime;

use async_trait::async_trait;
use s3s::dto::*;
use s3s::{S3, S3Request, S3Response, S3Result, s3_error};

use crate::answers::{
    Conditions, binary, body, contents, encoded, length, most_keys, read_token, source, token,
};
use crate::conditions::WriteConditions;
use crate::folders::{Folders, changed, failed, tag};
use crate::listing::{Listing, Query, list};
use crate::multipart;
use crate::receive::{Claims, blocking, receive};

/// A structure with the checksums of another one: S3's model gives each of
/// them the same members anew.
macro_rules! checksums {
    ($from:expr, $into:ident { $($member:ident: $value:expr)? }) => {
        $into {
            $($member: $value,)?
            checksum_crc32: $from.checksum_crc32,
            checksum_crc32c: $from.checksum_crc32c,
            checksum_crc64nvme: $from.checksum_crc64nvme,
            checksum_sha1: $from.checksum_sha1,
            checksum_sha256: $from.checksum_sha256,
            ..$into::default()
        }
    };
}

/// The condition that a tag in a list stands for.
fn any_or_tag(tag: ETag) -> ETagCondition {
    if tag.value() == "*" { ETagCondition::Any } else { ETagCondition::ETag(tag) }
}

/// The operations.
pub(crate) struct Api {
    pub folders: Folders,
    pub region: String,
}

impl Api {
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(Folders) -> S3Result<T> + Send + 'static,
    ) -> S3Result<T> {
        let folders = self.folders.clone();
        blocking(move || work(folders)).await
    }

    async fn find(&self, bucket: String, key: String) -> S3Result<(File, Metadata)> {
        self.blocking(move |folders| folders.find(&bucket, &key)).await
    }

    async fn page(&self, bucket: String, query: Query) -> S3Result<Listing> {
        self.blocking(move |folders| list(&folders.bucket(&bucket)?, &query).map_err(failed)).await
    }
}

#[async_trait]
impl S3 for Api {
    async fn list_buckets(&self, _: S3Request<ListBucketsInput>) -> S3Result<S3Response<ListBucketsOutput>> {
        let buckets = self.blocking(|folders| folders.buckets()).await?;
        let buckets = buckets.into_iter().map(|(name, time)| Bucket {
            name: Some(name),
            creation_date: Some(Timestamp::from(time)),
            ..Bucket::default()
        });
        let output = ListBucketsOutput { buckets: Some(buckets.collect()), ..ListBucketsOutput::default() };
        Ok(S3Response::new(output))
    }

    async fn head_bucket(
        &self,
        request: S3Request<HeadBucketInput>,
    ) -> S3Result<S3Response<HeadBucketOutput>> {
        self.blocking(move |folders| folders.bucket(&request.input.bucket)).await?;
        let output =
            HeadBucketOutput { bucket_region: Some(self.region.clone()), ..HeadBucketOutput::default() };
        Ok(S3Response::new(output))
    }

    async fn get_bucket_location(
        &self,
        request: S3Request<GetBucketLocationInput>,
    ) -> S3Result<S3Response<GetBucketLocationOutput>> {
        self.blocking(move |folders| folders.bucket(&request.input.bucket)).await?;
        // The first region has no name here.
        let region = (self.region != "us-east-1").then(|| self.region.clone().into());
        Ok(S3Response::new(GetBucketLocationOutput { location_constraint: region }))
    }

    async fn create_bucket(
        &self,
        request: S3Request<CreateBucketInput>,
    ) -> S3Result<S3Response<CreateBucketOutput>> {
        let bucket = request.input.bucket;
        let location = Some(format!("/{bucket}"));
        self.blocking(move |folders| folders.create_bucket(&bucket)).await?;
        Ok(S3Response::new(CreateBucketOutput { location }))
    }

    async fn delete_bucket(
        &self,
        request: S3Request<DeleteBucketInput>,
    ) -> S3Result<S3Response<DeleteBucketOutput>> {
        self.blocking(move |folders| folders.delete_bucket(&request.input.bucket)).await?;
        Ok(S3Response::new(DeleteBucketOutput {}))
    }

    async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let input = request.input;
        let (after, beyond) = match &input.continuation_token {
            Some(token) => read_token(token)?,
            None => (input.start_after.clone().unwrap_or_default(), None),
        };
        let most = most_keys(input.max_keys)?;
        let query = Query {
            prefix: input.prefix.clone().unwrap_or_default(),
            delimiter: input.delimiter.clone(),
            after,
            beyond,
            most: usize::try_from(most).unwrap_or_default(),
        };
        let page = self.page(input.bucket.clone(), query).await?;
        let encoding = input.encoding_type.as_ref();
        let (objects, prefixes) = contents(&page, encoding);
        let next = page.entries.last().filter(|_| page.truncated).map(token);
        let text = |text: Option<String>| text.map(|text| encoded(&text, encoding));
        let output = ListObjectsV2Output {
            key_count: i32::try_from(page.entries.len()).ok(),
            max_keys: Some(most),
            is_truncated: Some(page.truncated),
            contents: Some(objects),
            common_prefixes: Some(prefixes),
            continuation_token: input.continuation_token,
            next_continuation_token: next,
            delimiter: text(input.delimiter),
            prefix: text(input.prefix),
            start_after: text(input.start_after),
            name: Some(input.bucket),
            encoding_type: input.encoding_type.clone(),
            ..ListObjectsV2Output::default()
        };
        Ok(S3Response::new(output))
    }

    async fn list_objects(
        &self,
        request: S3Request<ListObjectsInput>,
    ) -> S3Result<S3Response<ListObjectsOutput>> {
        let input = request.input;
        let most = most_keys(input.max_keys)?;
        let after = input.marker.clone().unwrap_or_default();
        // A marker that is a rolled-up prefix stands for all that is in it.
        let beyond = input.delimiter.as_ref().filter(|by| !by.is_empty() && after.ends_with(by.as_str()));
        let query = Query {
            prefix: input.prefix.clone().unwrap_or_default(),
            beyond: beyond.map(|_| after.clone()),
            delimiter: input.delimiter.clone(),
            after,
            most: usize::try_from(most).unwrap_or_default(),
        };
        let page = self.page(input.bucket.clone(), query).await?;
        let encoding = input.encoding_type.as_ref();
        let (objects, prefixes) = contents(&page, encoding);
        let next = page.entries.last().filter(|_| page.truncated);
        let next = next.map(|entry| encoded(entry.name(), encoding));
        let text = |text: Option<String>| text.map(|text| encoded(&text, encoding));
        let output = ListObjectsOutput {
            max_keys: Some(most),
            is_truncated: Some(page.truncated),
            contents: Some(objects),
            common_prefixes: Some(prefixes),
            next_marker: next,
            marker: text(input.marker),
            delimiter: text(input.delimiter),
            prefix: text(input.prefix),
            name: Some(input.bucket),
            encoding_type: input.encoding_type.clone(),
            ..ListObjectsOutput::default()
        };
        Ok(S3Response::new(output))
    }

    async fn get_object(&self, request: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        let input = request.input;
        let (file, metadata) = self.find(input.bucket, input.key).await?;
        let conditions = Conditions {
            if_match: input.if_match,
            if_none_match: input.if_none_match,
            if_modified_since: input.if_modified_since,
            if_unmodified_since: input.if_unmodified_since,
        };
        conditions.check(&metadata)?;
        let size = metadata.len();
        let (start, end, range) = match input.range {
            None => (0, size, None),
            Some(range) => {
                let range = range.check(size)?;
                let text = format!("bytes {}-{}/{size}", range.start, range.end - 1);
                (range.start, range.end, Some(text))
            }
        };
        let output = GetObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            body: Some(body(file, start, end)),
            content_length: length(end - start),
            content_range: range,
            content_type: Some(input.response_content_type.unwrap_or_else(binary)),
            content_disposition: input.response_content_disposition,
            e_tag: Some(tag(&metadata)),
            last_modified: Some(changed(&metadata)),
            ..GetObjectOutput::default()
        };
        Ok(S3Response::new(output))
    }

    async fn head_object(
        &self,
        request: S3Request<HeadObjectInput>,
    ) -> S3Result<S3Response<HeadObjectOutput>> {
        let input = request.input;
        let (_, metadata) = self.find(input.bucket, input.key).await?;
        let conditions = Conditions {
            if_match: input.if_match,
            if_none_match: input.if_none_match,
            if_modified_since: input.if_modified_since,
            if_unmodified_since: input.if_unmodified_since,
        };
        conditions.check(&metadata)?;
        let output = HeadObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            content_length: length(metadata.len()),
            content_type: Some(binary()),
            e_tag: Some(tag(&metadata)),
            last_modified: Some(changed(&metadata)),
            ..HeadObjectOutput::default()
        };
        Ok(S3Response::new(output))
    }

    async fn put_object(&self, request: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        let input = request.input;
        let (bucket, key) = (input.bucket, input.key);
        let conditions = WriteConditions { if_match: input.if_match, if_none_match: input.if_none_match };
        // Told before anything is received.
        self.blocking({
            let (bucket, key, conditions) = (bucket.clone(), key.clone(), conditions.clone());
            move |folders| {
                folders.check_place(&bucket, &key)?;
                folders.check_conditions(&bucket, &key, &conditions)
            }
        })
        .await?;
        let claims = Claims {
            length: input.content_length,
            md5: input.content_md5,
            algorithm: input.checksum_algorithm,
            checksums: checksums!(input, Checksum {}),
            trailers: request.trailing_headers,
        };
        let received = receive(&self.folders, input.body, claims).await?;
        let (metadata, checksums) = received.place(&self.folders, (bucket, key), conditions).await?;
        let output = checksums!(checksums, PutObjectOutput { e_tag: Some(tag(&metadata)) });
        Ok(S3Response::new(output))
    }

    async fn copy_object(
        &self,
        request: S3Request<CopyObjectInput>,
    ) -> S3Result<S3Response<CopyObjectOutput>> {
        let input = request.input;
        let (from_bucket, from_key) = source(&input.copy_source)?;
        let (mut from, metadata) = self.find(from_bucket, from_key).await?;
        let conditions = Conditions {
            if_match: input.copy_source_if_match,
            if_none_match: input.copy_source_if_none_match,
            if_modified_since: input.copy_source_if_modified_since,
            if_unmodified_since: input.copy_source_if_unmodified_since,
        };
        // A copy knows no "not modified".
        conditions.check(&metadata).map_err(|_| s3_error!(PreconditionFailed))?;
        let (bucket, key) = (input.bucket, input.key);
        let conditions = WriteConditions::of(&request.headers)?;
        let metadata = self
            .blocking(move |folders| {
                folders.check_place(&bucket, &key)?;
                folders.check_conditions(&bucket, &key, &conditions)?;
                let (mut file, unplaced) = folders.unplaced()?;
                io::copy(&mut from, &mut file).map_err(failed)?;
                folders.place(unplaced, &file, &bucket, &key, &conditions)
            })
            .await?;
        let result = CopyObjectResult {
            e_tag: Some(tag(&metadata)),
            last_modified: Some(changed(&metadata)),
            ..CopyObjectResult::default()
        };
        Ok(S3Response::new(CopyObjectOutput {
            copy_object_result: Some(result),
            ..CopyObjectOutput::default()
        }))
    }

    async fn delete_object(
        &self,
        request: S3Request<DeleteObjectInput>,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        let input = request.input;
        let conditions = WriteConditions { if_match: input.if_match, if_none_match: None };
        self.blocking(move |folders| folders.delete(&input.bucket, &input.key, &conditions)).await?;
        Ok(S3Response::new(DeleteObjectOutput::default()))
    }

    async fn delete_objects(
        &self,
        request: S3Request<DeleteObjectsInput>,
    ) -> S3Result<S3Response<DeleteObjectsOutput>> {
        let DeleteObjectsInput { bucket, delete, .. } = request.input;
        let quiet = delete.quiet.unwrap_or(false);
        let output = self
            .blocking(move |folders| {
                folders.bucket(&bucket)?;
                let (mut deleted, mut errors) = (Vec::new(), Vec::new());
                for object in delete.objects {
                    let key = Some(object.key.clone());
                    let deletion = if object.size.is_some() || object.last_modified_time.is_some() {
                        Err(s3_error!(NotImplemented, "Of the conditions of a deletion only ETag is checked"))
                    } else {
                        let if_match = object.e_tag.map(any_or_tag);
                        let conditions = WriteConditions { if_match, if_none_match: None };
                        folders.delete(&bucket, &object.key, &conditions)
                    };
                    match deletion {
                        Ok(()) => deleted.push(DeletedObject { key, ..DeletedObject::default() }),
                        Err(error) => errors.push(Error {
                            key,
                            code: Some(error.code().as_str().to_owned()),
                            message: error.message().map(str::to_owned),
                            ..Error::default()
                        }),
                    }
                }
                if quiet {
                    deleted.clear();
                }
                Ok(DeleteObjectsOutput {
                    deleted: Some(deleted),
                    errors: Some(errors),
                    ..DeleteObjectsOutput::default()
                })
            })
            .await?;
        Ok(S3Response::new(output))
    }

    async fn create_multipart_upload(
        &self,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        let CreateMultipartUploadInput { bucket, key, checksum_algorithm, checksum_type, .. } = request.input;
        let (id, bucket, key) = self
            .blocking(move |folders| Ok((multipart::begin(&folders, &bucket, &key)?, bucket, key)))
            .await?;
        let output = CreateMultipartUploadOutput {
            bucket: Some(bucket),
            key: Some(key),
            upload_id: Some(id),
            checksum_algorithm,
            checksum_type,
            ..CreateMultipartUploadOutput::default()
        };
        Ok(S3Response::new(output))
    }

    async fn upload_part(
        &self,
        request: S3Request<UploadPartInput>,
    ) -> S3Result<S3Response<UploadPartOutput>> {
        let input = request.input;
        let (id, bucket, key, number) = (input.upload_id, input.bucket, input.key, input.part_number);
        // Told before anything is received.
        self.blocking({
            let (id, bucket, key) = (id.clone(), bucket.clone(), key.clone());
            move |folders| multipart::find(&folders, &id, &bucket, &key)
        })
        .await?;
        let claims = Claims {
            length: input.content_length,
            md5: input.content_md5,
            algorithm: input.checksum_algorithm,
            checksums: checksums!(input, Checksum {}),
            trailers: request.trailing_headers,
        };
        let received = receive(&self.folders, input.body, claims).await?;
        let checksums = received.checksums.clone();
        let part = self
            .blocking(move |folders| {
                // It may have been completed meanwhile.
                let folder = multipart::find(&folders, &id, &bucket, &key)?;
                multipart::add(&folder, number, &received.unplaced)
            })
            .await?;
        let output = checksums!(checksums, UploadPartOutput { e_tag: Some(part.tag) });
        Ok(S3Response::new(output))
    }

    async fn upload_part_copy(
        &self,
        request: S3Request<UploadPartCopyInput>,
    ) -> S3Result<S3Response<UploadPartCopyOutput>> {
        let input = request.input;
        let (from_bucket, from_key) = source(&input.copy_source)?;
        let (from, metadata) = self.find(from_bucket, from_key).await?;
        let conditions = Conditions {
            if_match: input.copy_source_if_match,
            if_none_match: input.copy_source_if_none_match,
            if_modified_since: input.copy_source_if_modified_since,
            if_unmodified_since: input.copy_source_if_unmodified_since,
        };
        conditions.check(&metadata).map_err(|_| s3_error!(PreconditionFailed))?;
        let range = match &input.copy_source_range {
            Some(text) => {
                let range = Range::parse(text).map_err(|_| s3_error!(InvalidArgument))?;
                range.check(metadata.len())?
            }
            None => 0..metadata.len(),
        };
        let (id, bucket, key, number) = (input.upload_id, input.bucket, input.key, input.part_number);
        let part = self
            .blocking(move |folders| {
                multipart::find(&folders, &id, &bucket, &key)?;
                let (mut file, unplaced) = folders.unplaced()?;
                let mut from = from;
                io::Seek::seek(&mut from, io::SeekFrom::Start(range.start)).map_err(failed)?;
                let mut piece = io::Read::take(from, range.end - range.start);
                io::copy(&mut piece, &mut file).map_err(failed)?;
                // It may have been completed meanwhile.
                let folder = multipart::find(&folders, &id, &bucket, &key)?;
                multipart::add(&folder, number, &unplaced)
            })
            .await?;
        let result = CopyPartResult {
            e_tag: Some(part.tag),
            last_modified: Some(Timestamp::from(SystemTime::now())),
            ..CopyPartResult::default()
        };
        Ok(S3Response::new(UploadPartCopyOutput {
            copy_part_result: Some(result),
            ..UploadPartCopyOutput::default()
        }))
    }

    async fn list_parts(&self, request: S3Request<ListPartsInput>) -> S3Result<S3Response<ListPartsOutput>> {
        let ListPartsInput { upload_id: id, bucket, key, .. } = request.input;
        let output = self
            .blocking(move |folders| {
                let parts = multipart::parts(&multipart::find(&folders, &id, &bucket, &key)?)?;
                let parts = parts.into_iter().map(|part| Part {
                    part_number: Some(part.number),
                    e_tag: Some(part.tag),
                    size: length(part.bytes),
                    ..Part::default()
                });
                Ok(ListPartsOutput {
                    parts: Some(parts.collect()),
                    bucket: Some(bucket),
                    key: Some(key),
                    upload_id: Some(id),
                    is_truncated: Some(false),
                    ..ListPartsOutput::default()
                })
            })
            .await?;
        Ok(S3Response::new(output))
    }

    async fn complete_multipart_upload(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let input = request.input;
        let (id, bucket, key) = (input.upload_id, input.bucket, input.key);
        let conditions = WriteConditions { if_match: input.if_match, if_none_match: input.if_none_match };
        let asked = input.multipart_upload.and_then(|upload| upload.parts).unwrap_or_default();
        let turn = self.folders.turns.of(&self.folders.upload(&id)?).await;
        // What has begun comes to its end when the client goes away, too; then it asks again.
        let output = self
            .blocking(move |folders| {
                let _turn = turn;
                let tag = multipart::complete(&folders, &id, (&bucket, &key), &asked, &conditions)?;
                Ok(CompleteMultipartUploadOutput {
                    location: Some(format!("/{bucket}/{key}")),
                    bucket: Some(bucket),
                    key: Some(key),
                    e_tag: Some(tag),
                    ..CompleteMultipartUploadOutput::default()
                })
            })
            .await?;
        Ok(S3Response::new(output))
    }

    async fn abort_multipart_upload(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        let AbortMultipartUploadInput { upload_id: id, bucket, key, .. } = request.input;
        let turn = self.folders.turns.of(&self.folders.upload(&id)?).await;
        self.blocking(move |folders| {
            let _turn = turn;
            multipart::forget(&multipart::find(&folders, &id, &bucket, &key)?)
        })
        .await?;
        Ok(S3Response::new(AbortMultipartUploadOutput::default()))
    }
}
