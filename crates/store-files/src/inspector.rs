//! What a file is by its content, how large its picture is, and a small picture of it.
//!
//! Pictures come from strangers: what would unpack to too many pixels keeps its dimensions and gets no thumbnail,
//! and few are unpacked at a time, off the threads that serve requests. Any other file is only sniffed.

use std::io::Cursor;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use image::{DynamicImage, ImageFormat, ImageReader, Limits};
use ports::Inspect;
use ports::files::Inspected;
use tokio::sync::Semaphore;

/// Thumbnails fit a square of this side.
const THUMBNAIL_PIXELS: u32 = 320;
/// Neither side of a picture that is unpacked is longer.
const SIDE_PIXELS_MAX: u32 = 12_000;
/// Memory that unpacking one picture may take.
const UNPACKED_BYTES_MAX: u64 = 128 << 20;
/// Pictures unpacked at a time.
const UNPACKED_AT_ONCE: usize = 2;
/// A type for bytes that say nothing, declared by nobody.
const MIME_UNKNOWN: &str = "application/octet-stream";

/// Looks into files.
pub struct Inspector {
    seats: Semaphore,
}

impl Default for Inspector {
    fn default() -> Self {
        Inspector { seats: Semaphore::new(UNPACKED_AT_ONCE) }
    }
}

impl Inspect for Inspector {
    fn inspect(&self, bytes: Bytes, declared: String) -> BoxFuture<'_, Inspected> {
        Box::pin(async move {
            let mime = mime(&bytes, &declared);
            let Some(format) = ImageFormat::from_mime_type(&mime).filter(ImageFormat::reading_enabled) else {
                return Inspected { mime, ..Inspected::default() };
            };
            let _seat = self.seats.acquire().await;
            let looked = tokio::task::spawn_blocking(move || look(&bytes, format)).await;
            // A decoder that panics over a stranger's bytes has found no picture in them.
            let (size, thumbnail) = looked.unwrap_or_default();
            let (width, height) = size.unzip();
            Inspected { mime, width, height, thumbnail }
        })
    }
}

/// By content first; a declared type counts only where the content tells nothing.
fn mime(bytes: &[u8], declared: &str) -> String {
    match infer::get(bytes) {
        Some(found) => found.mime_type().to_owned(),
        None if declared.is_empty() => MIME_UNKNOWN.to_owned(),
        // Declared a picture without looking like any: browsers would be told to show what is none.
        None if declared.starts_with("image/") => MIME_UNKNOWN.to_owned(),
        None => declared.to_owned(),
    }
}

fn look(bytes: &[u8], format: ImageFormat) -> (Option<(u32, u32)>, Option<Bytes>) {
    let size = ImageReader::with_format(Cursor::new(bytes), format).into_dimensions().ok();
    let thumbnail = size.and_then(|_| thumbnail(bytes, format).ok());
    (size, thumbnail)
}

fn thumbnail(bytes: &[u8], format: ImageFormat) -> image::ImageResult<Bytes> {
    let mut limits = Limits::default();
    limits.max_image_width = Some(SIDE_PIXELS_MAX);
    limits.max_image_height = Some(SIDE_PIXELS_MAX);
    limits.max_alloc = Some(UNPACKED_BYTES_MAX);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits);
    let picture = reader.decode()?;
    let small = if picture.width().max(picture.height()) > THUMBNAIL_PIXELS {
        picture.thumbnail(THUMBNAIL_PIXELS, THUMBNAIL_PIXELS)
    } else {
        picture
    };
    // Eight bits a channel and PNG: every picture fits that, transparency included.
    let mut png = Cursor::new(Vec::new());
    DynamicImage::ImageRgba8(small.into_rgba8()).write_to(&mut png, ImageFormat::Png)?;
    Ok(Bytes::from(png.into_inner()))
}
