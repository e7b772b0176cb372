//! Tests: the table is complete, ordered, and holds nothing that the content security policy forbids.

use super::{ASSETS, Asset, available, find};

fn index() -> &'static Asset {
    find("/").expect("the build script puts an index into every table")
}

#[test]
fn every_file_is_found_and_nothing_else() {
    assert!(ASSETS.windows(2).all(|two| two[0].path < two[1].path), "ordered, each path once");
    for asset in ASSETS {
        assert_eq!(find(asset.path).map(|found| found.etag), Some(asset.etag));
        assert!(asset.plain.is_some() || (asset.brotli.is_some() && asset.gzip.is_some()), "{}", asset.path);
        assert!(asset.etag.starts_with('"') && asset.etag.ends_with('"') && asset.etag.len() > 10);
        assert_eq!(asset.immutable, asset.path.starts_with("/assets/"), "{}", asset.path);
        assert!(!asset.path.ends_with(".map"), "{} would publish the source", asset.path);
    }
    for path in ["", "index.html", "//", "/assets/", "/assets/../", "/oauth/callback/", "/oauth/%63allback"] {
        assert!(find(path).is_none(), "{path}");
    }
    assert_eq!(index().content_type, "text/html; charset=utf-8");
    assert!(!index().immutable);
}

#[test]
fn the_callback_page_and_its_parts_are_there_with_or_without_the_console() {
    for path in ["/oauth/callback", "/oauth/callback.js", "/pages.css", "/favicon.ico", "/icon.svg"] {
        assert!(find(path).is_some(), "{path}");
    }
    assert_eq!(find("/oauth/callback").map(|page| page.content_type), Some("text/html; charset=utf-8"));
}

#[test]
fn pages_have_no_inline_script_or_style() {
    let pages = ASSETS.iter().filter_map(|asset| Some((asset.path, asset.plain?)));
    for (path, plain) in pages.filter(|(path, _)| !path.ends_with(".js") && !path.ends_with(".css")) {
        let text = std::str::from_utf8(plain).expect(path);
        for forbidden in ["<style", "<script>", " style=", " onload=", " onclick=", "javascript:"] {
            assert!(!text.contains(forbidden), "{path} has {forbidden}");
        }
    }
}

#[test]
fn without_the_console_its_place_says_how_to_get_it() {
    if !available() {
        let text = index().plain.map(String::from_utf8_lossy).expect("a plain page");
        assert!(text.contains("TIDEGATE_CONSOLE=on") && text.contains("Node"), "{text}");
    }
}
