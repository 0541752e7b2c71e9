//! Downloads from a server of a few lines, which has no certificate.

use std::io::{Read, Write};
use std::net::TcpListener;

use super::tests::{content, table, zipped};
use super::*;

/// Answers one request with `head` and `body`, then, if `endless`, with zeros until nobody listens.
fn server(head: &str, body: Vec<u8>, endless: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/folder/", listener.local_addr().unwrap());
    let head = head.to_owned();
    std::thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        let mut request = [0; 4096];
        let _ = client.read(&mut request).unwrap();
        let _ = client.write_all(format!("HTTP/1.1 {head}\r\n\r\n").as_bytes());
        let _ = client.write_all(&body);
        while endless && client.write_all(&[0; 4096]).is_ok() {}
    });
    address
}

fn fetch(head: &str, body: Vec<u8>, endless: bool) -> Result<Vec<u8>, DatasetError> {
    let table = table();
    https::fetch(&https::agent(false), &server(head, body, endless), &table[0], &table)
}

#[test]
fn a_right_file_comes_decompressed() {
    let right = content(KNOWN[0].set, KNOWN[0].name);
    let zip = zipped(&right);
    let length = format!("200 OK\r\nContent-Length: {}", zip.len());
    assert_eq!(fetch(&length, zip.clone(), false).unwrap(), right);
    assert_eq!(fetch("200 OK\r\nConnection: close", zip, false).unwrap(), right);
}

#[test]
fn wrong_short_endless_and_absent_files_are_errors() {
    let right = zipped(&content(KNOWN[0].set, KNOWN[0].name));
    let e = fetch("200 OK\r\nConnection: close", b"<html>".to_vec(), false).unwrap_err();
    assert!(matches!(e, DatasetError::Unknown { .. }), "{e}");
    let other = zipped(&content(KNOWN[1].set, KNOWN[1].name));
    let e = fetch("200 OK\r\nConnection: close", other, false).unwrap_err();
    assert!(matches!(e, DatasetError::OtherSet(_)), "{e}");
    let length = format!("200 OK\r\nContent-Length: {}", right.len() + 1);
    let e = fetch(&length, right, false).unwrap_err();
    assert!(matches!(e, DatasetError::Download { .. }), "{e}");
    let e = fetch("200 OK\r\nConnection: close", Vec::new(), true).unwrap_err();
    assert!(matches!(e, DatasetError::Endless { .. }), "{e}");
    let e = fetch("404 Not Found\r\nContent-Length: 0", Vec::new(), false).unwrap_err();
    assert!(matches!(e, DatasetError::Download { .. }), "{e}");
}

#[test]
fn the_client_goes_to_https_only() {
    let table = table();
    let address = server("200 OK", Vec::new(), false);
    let e = https::fetch(&https::agent(true), &address, &table[0], &table).unwrap_err();
    let DatasetError::Download { source, .. } = e else { panic!("{e}") };
    assert!(matches!(*source, ureq::Error::RequireHttpsOnly(_)), "{source}");
}
