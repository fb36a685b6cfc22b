//! A file part becomes a stored file: named, sniffed, measured, thumbnailed, durable before anything names it.
//!
//! The type is decided by content. What no signature matches is plain text when it is text, else octets: never
//! anything that a browser would run. Pictures are decoded off the async threads and under limits.

use std::io::Cursor;

use bytes::Bytes;
use domain::command::admin::PutFile;
use domain::id::{FileId, TenantId};
use domain::tenant::{File, Presence, file_name};
use engine::{Engine, Rendering};
use image::{DynamicImage, ImageDecoder as _, ImageFormat, ImageReader, Limits};
use sha2::{Digest as _, Sha256};

use crate::error::Problem;
use crate::input::Part;
use crate::settings::Settings;

/// Width of thumbnails in pixels; the height keeps the aspect.
const THUMBNAIL_WIDTH: u32 = 250;
const DECODE_BYTES_MAX: u64 = 256 << 20;
const FALLBACK_NAME: &str = "attachment";

/// Stores one part.
pub(crate) async fn store(
    engine: &Engine,
    settings: &Settings,
    tenant: TenantId,
    part: Part,
) -> Result<File, Problem> {
    let id = FileId(engine.new_id());
    let (bytes, pixels_max) = (part.bytes.clone(), settings.thumbnail_source_pixels_max);
    let known = tokio::task::spawn_blocking(move || examine(&bytes, pixels_max));
    let Known { mime, size, thumbnail, sha256 } = known.await.map_err(Problem::store)?;
    let unavailable = |error| {
        tracing::warn!(%error, "a file could not be stored");
        Problem::Unavailable
    };
    let stored_thumbnail = thumbnail.is_some();
    let bytes_len = part.bytes.len() as u64;
    engine.put_file(tenant, id, Rendering::Original, part.bytes).await.map_err(unavailable)?;
    if let Some(thumbnail) = thumbnail {
        engine.put_file(tenant, id, Rendering::Thumbnail, thumbnail).await.map_err(unavailable)?;
    }
    let file = File {
        id,
        tenant,
        number: 0,
        name: part.name.as_deref().and_then(file_name).unwrap_or_else(|| FALLBACK_NAME.to_owned()),
        mime,
        size: bytes_len,
        width: size.map(|(width, _)| width),
        height: size.map(|(_, height)| height),
        sha256,
        thumbnail: stored_thumbnail,
        created_at: engine.now(),
        presence: Presence::Stored,
    };
    engine
        .execute(PutFile(file))
        .await
        .map_err(|failure| Problem::from_failure(failure, |_| Problem::Internal))
}

/// What the bytes say.
struct Known {
    mime: String,
    size: Option<(u32, u32)>,
    thumbnail: Option<Bytes>,
    sha256: [u8; 32],
}

fn examine(bytes: &[u8], pixels_max: u64) -> Known {
    let mime = sniff(bytes);
    let (size, thumbnail) = match mime {
        "image/png" => picture(bytes, ImageFormat::Png, pixels_max),
        "image/jpeg" => picture(bytes, ImageFormat::Jpeg, pixels_max),
        "image/gif" => picture(bytes, ImageFormat::Gif, pixels_max),
        "image/webp" => picture(bytes, ImageFormat::WebP, pixels_max),
        _ => (None, None),
    };
    Known { mime: mime.to_owned(), size, thumbnail, sha256: Sha256::digest(bytes).into() }
}

fn sniff(bytes: &[u8]) -> &'static str {
    match infer::get(bytes) {
        Some(kind) => kind.mime_type(),
        None if !bytes.contains(&0) && std::str::from_utf8(bytes).is_ok() => "text/plain",
        None => "application/octet-stream",
    }
}

/// Size as a person sees it, and the thumbnail if the picture can be decoded within the limits.
fn picture(bytes: &[u8], format: ImageFormat, pixels_max: u64) -> (Option<(u32, u32)>, Option<Bytes>) {
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::default();
    limits.max_alloc = Some(DECODE_BYTES_MAX);
    reader.limits(limits);
    let Ok(mut decoder) = reader.into_decoder() else {
        return (None, None);
    };
    let (width, height) = decoder.dimensions();
    let orientation = decoder.orientation().unwrap_or(image::metadata::Orientation::NoTransforms);
    // EXIF values from 5 on turn by a quarter.
    let turned = orientation.to_exif() >= 5;
    let size = if turned { (height, width) } else { (width, height) };
    if u64::from(width) * u64::from(height) > pixels_max {
        return (Some(size), None);
    }
    let thumbnail = DynamicImage::from_decoder(decoder).ok().and_then(|mut whole| {
        whole.apply_orientation(orientation);
        shrink(&whole, format)
    });
    (Some(size), thumbnail)
}

fn shrink(whole: &DynamicImage, format: ImageFormat) -> Option<Bytes> {
    let small = if whole.width() > THUMBNAIL_WIDTH {
        whole.thumbnail(THUMBNAIL_WIDTH, u32::MAX)
    } else {
        whole.clone()
    };
    let (small, format) = match format {
        ImageFormat::Jpeg => (DynamicImage::ImageRgb8(small.to_rgb8()), ImageFormat::Jpeg),
        _ => (DynamicImage::ImageRgba8(small.to_rgba8()), ImageFormat::Png),
    };
    let mut out = Cursor::new(Vec::new());
    small.write_to(&mut out, format).ok()?;
    Some(Bytes::from(out.into_inner()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_is_what_the_bytes_say() {
        assert_eq!(sniff(b"\x89PNG\r\n\x1a\n1234"), "image/png");
        assert_eq!(sniff(b"hello"), "text/plain");
        assert_eq!(sniff(b"\0\x01\x02"), "application/octet-stream");
    }
}
