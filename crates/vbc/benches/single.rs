//! Single-image files of the samples. An element is an image.
#![allow(missing_docs, reason = "criterion's macros make public items without any")]

mod samples;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use samples::sets;
use vbc::{DecodeOptions, EncodeOptions, ModelChoice};

/// Images of a set that one turn codes.
const IMAGES: usize = 10;

fn single(c: &mut Criterion) {
    let decoding = DecodeOptions::default();
    for set in sets() {
        let images = &set.images[..IMAGES];
        let encode = |options: &EncodeOptions| -> Vec<Vec<u8>> {
            images.iter().map(|i| vbc::encode(i, None, options).expect("encoded")).collect()
        };
        let mut group = c.benchmark_group(format!("single/{}", set.name));
        group.throughput(Throughput::Elements(IMAGES as u64)).sample_size(20);
        let mut without = set.encoding.clone();
        without.model = ModelChoice::None;
        for (options, kind) in [(&set.encoding, "model"), (&without, "generic")] {
            let files = encode(options);
            let mut pixels = vec![0; set.images[0].data().len()];
            group.bench_function(format!("{kind}/encode"), |b| b.iter(|| encode(options)));
            group.bench_function(format!("{kind}/decode"), |b| {
                b.iter(|| {
                    for file in &files {
                        vbc::single::decode_into(file, &mut pixels, &decoding).expect("decoded");
                    }
                });
            });
        }
        let files = encode(&set.encoding);
        group.bench_function("model/preview", |b| {
            b.iter(|| {
                for file in &files {
                    vbc::single::preview(file, &decoding).expect("a preview");
                }
            });
        });
        group.finish();
    }
}

criterion_group!(benches, single);
criterion_main!(benches);
