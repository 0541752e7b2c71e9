//! Archives of the samples, in memory and with one thread. An element is an image.
#![allow(missing_docs, reason = "criterion's macros make public items without any")]

mod samples;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use samples::{open, sets};

fn whole(c: &mut Criterion) {
    for set in sets() {
        let file = set.archive();
        let mut group = c.benchmark_group(format!("archive/{}", set.name));
        group.throughput(Throughput::Elements(set.images.len() as u64)).sample_size(20);
        group.bench_function("encode", |b| b.iter(|| set.archive()));
        group.bench_function("decode", |b| {
            b.iter(|| open(&file).images().map(|image| image.expect("decoded").index).sum::<u64>());
        });
        group.bench_function("verify", |b| b.iter(|| open(&file).verify().expect("intact")));
        let all = 0..set.images.len() as u64;
        group.bench_function("latents", |b| {
            b.iter(|| {
                let mut archive = open(&file);
                all.clone().map(|i| archive.latent(i).expect("a latent").len()).sum::<usize>()
            });
        });
        group.bench_function("previews", |b| {
            b.iter(|| {
                let mut archive = open(&file);
                all.clone()
                    .map(|i| archive.preview(i).expect("a preview").data().len())
                    .sum::<usize>()
            });
        });
        group.finish();
    }
}

fn access(c: &mut Criterion) {
    for set in sets() {
        let file = set.archive();
        let mut group = c.benchmark_group(format!("access/{}", set.name));
        group.throughput(Throughput::Elements(1)).sample_size(20);
        group.bench_function("open", |b| b.iter(|| open(&file)));
        // The last image of a full block: nothing of its block can be left out.
        group.bench_function("image", |b| {
            let mut pixels = vec![0; set.images[0].data().len()];
            b.iter(|| open(&file).image_into(63, &mut pixels).expect("an image"));
        });
        group.bench_function("preview", |b| {
            b.iter(|| open(&file).preview(63).expect("a preview"));
        });
        group.finish();
    }
}

criterion_group!(benches, whole, access);
criterion_main!(benches);
