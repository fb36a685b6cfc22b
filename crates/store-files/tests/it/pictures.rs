//! Types by content, dimensions, thumbnails, and what strangers may send instead of pictures.
//! Pictures are drawn here, so that no fixture is needed.

use std::io::Cursor;

use bytes::Bytes;
use image::{DynamicImage, ImageFormat};
use ports::Inspect as _;
use ports::files::Inspected;
use store_files::Inspector;

fn picture(width: u32, height: u32, format: ImageFormat) -> Bytes {
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::new_rgb8(width, height).write_to(&mut bytes, format).expect("memory takes a picture");
    Bytes::from(bytes.into_inner())
}

async fn inspect(bytes: Bytes, declared: &str) -> Inspected {
    Inspector::default().inspect(bytes, declared.to_owned()).await
}

#[tokio::test]
async fn a_large_picture_gets_a_thumbnail_of_its_own_shape() {
    for (format, mime) in [(ImageFormat::Png, "image/png"), (ImageFormat::Jpeg, "image/jpeg")] {
        let seen = inspect(picture(1_280, 640, format), "text/plain").await;
        assert_eq!((seen.mime.as_str(), seen.width, seen.height), (mime, Some(1_280), Some(640)));
        let small = image::load_from_memory(&seen.thumbnail.unwrap()).unwrap();
        assert_eq!((small.width(), small.height()), (320, 160));
    }
}

#[tokio::test]
async fn a_small_picture_is_not_blown_up() {
    let seen = inspect(picture(8, 4, ImageFormat::Gif), "").await;
    let small = image::load_from_memory(&seen.thumbnail.unwrap()).unwrap();
    assert_eq!((small.width(), small.height()), (8, 4));
}

#[tokio::test]
async fn a_picture_of_too_many_pixels_keeps_its_dimensions_and_gets_no_thumbnail() {
    let seen = inspect(picture(12_001, 1, ImageFormat::Png), "").await;
    assert_eq!((seen.width, seen.thumbnail), (Some(12_001), None));
    assert!(inspect(picture(12_000, 1, ImageFormat::Png), "").await.thumbnail.is_some());
}

#[tokio::test]
async fn a_picture_cut_short_is_still_a_file() {
    let whole = picture(100, 100, ImageFormat::Png);
    let seen = inspect(whole.slice(..40), "").await;
    assert_eq!((seen.mime.as_str(), seen.thumbnail), ("image/png", None));
}

#[tokio::test]
async fn the_declared_type_counts_only_where_the_content_tells_nothing() {
    let text = Bytes::from_static(b"just words");
    assert_eq!(inspect(text.clone(), "text/plain").await.mime, "text/plain");
    assert_eq!(inspect(text.clone(), "").await.mime, "application/octet-stream");
    assert_eq!(inspect(text, "image/png").await.mime, "application/octet-stream");
    assert_eq!(inspect(Bytes::from_static(b"%PDF-1.7\n"), "image/png").await.mime, "application/pdf");
}
