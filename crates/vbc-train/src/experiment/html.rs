//! Markdown as one web page with its pictures inside.

use std::path::Path;

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pulldown_cmark::{Event, Options, Parser, Tag, html::push_html};

const STYLE: &str = "body{font:16px/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}\
table{border-collapse:collapse}td,th{border:1px solid #999;padding:.2rem .6rem;text-align:right}\
td:first-child,th:first-child{text-align:left}img{max-width:100%;image-rendering:pixelated}";

/// The page of `markdown`, whose pictures are PNG files in `dir`.
///
/// # Errors
/// Where a picture cannot be read.
pub fn page(title: &str, markdown: &str, dir: &Path) -> Result<String> {
    let events = Parser::new_ext(markdown, Options::ENABLE_TABLES)
        .map(|event| match event {
            Event::Start(Tag::Image { link_type, dest_url, title, id }) => {
                let path = dir.join(&*dest_url);
                let png = std::fs::read(&path).with_context(|| path.display().to_string())?;
                let dest_url = format!("data:image/png;base64,{}", STANDARD.encode(png)).into();
                Ok(Event::Start(Tag::Image { link_type, dest_url, title, id }))
            }
            // Nothing in a report is meant as HTML.
            Event::Html(text) | Event::InlineHtml(text) => Ok(Event::Text(text)),
            other => Ok(other),
        })
        .collect::<Result<Vec<_>>>()?;
    let (mut head, mut body) = (String::new(), String::new());
    push_html(&mut head, [Event::Text(title.into())].into_iter());
    push_html(&mut body, events.into_iter());
    Ok(format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{head}</title>\
         <style>{STYLE}</style></head>\n<body>\n{body}</body></html>\n"
    ))
}
