//! `cargo xtask wasm`: the mechanical proof that the normative crate does no input or output.
//!
//! The whole crate, with all it depends on and nothing removed, is linked into a WebAssembly module. Whatever asked a
//! clock, a socket or the environment would have to import it from the host; the module has to import nothing.

use crate::{root, test};
use std::path::Path;
use std::process::Command;

const TARGET: &str = "wasm32-unknown-unknown";

/// Builds the module and reads its imports.
pub(crate) fn run() -> Result<(), String> {
    let repository = root::root();
    test::cargo(&["build", "--package", "hispos", "--target", TARGET])?;
    let folder = tempfile::tempdir().map_err(|error| format!("temporary folder: {error}"))?;
    let manifest = write_probe(folder.path(), &repository)?;
    let built = repository.join("target/wasm-probe").to_string_lossy().into_owned();
    test::cargo(&[
        "build",
        "--quiet",
        "--target",
        TARGET,
        "--manifest-path",
        &manifest,
        "--target-dir",
        &built,
    ])?;
    let library = Path::new(&built).join(TARGET).join("debug/libwasm_probe.a");
    let module = folder.path().join("probe.wasm");
    link_whole(&library, &module)?;
    judge(&std::fs::read(&module).map_err(|error| format!("{}: {error}", module.display()))?)
}

/// Links every object of a library, used or not; what nothing defines becomes an import.
fn link_whole(library: &Path, module: &Path) -> Result<(), String> {
    let linker = Path::new(&rustc(&["--print", "sysroot"])?)
        .join("lib/rustlib")
        .join(rustc(&["--print", "host-tuple"])?)
        .join(format!("bin/rust-lld{}", std::env::consts::EXE_SUFFIX));
    let status = Command::new(&linker)
        .args(["-flavor", "wasm", "--no-entry", "--no-gc-sections", "--allow-undefined", "--strip-debug"])
        .arg("--whole-archive")
        .arg(library)
        .arg("-o")
        .arg(module)
        .status()
        .map_err(|error| format!("{}: {error}", linker.display()))?;
    if status.success() { Ok(()) } else { Err(format!("wasm: rust-lld: {status}")) }
}

fn rustc(words: &[&str]) -> Result<String, String> {
    let output = Command::new("rustc").args(words).output().map_err(|error| format!("rustc: {error}"))?;
    String::from_utf8(output.stdout)
        .map(|text| text.trim().to_owned())
        .map_err(|error| format!("rustc: {error}"))
}

/// Writes a package that links the normative crate, at the versions of the repository's lock file.
fn write_probe(folder: &Path, repository: &Path) -> Result<String, String> {
    let spec = repository.join("spec-crate").to_string_lossy().replace('\\', "/");
    let manifest = format!(
        "[package]\nname = \"wasm-probe\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[lib]\ncrate-type = [\"staticlib\"]\n\n\
         [dependencies]\nhispos = {{ path = \"{spec}\" }}\n\n[workspace]\n"
    );
    let source = "//! Links the normative crate.\npub use hispos;\n";
    root::write(&folder.join("Cargo.toml"), manifest.as_bytes())?;
    root::write(&folder.join("src/lib.rs"), source.as_bytes())?;
    root::write(&folder.join("Cargo.lock"), root::read(&repository.join("Cargo.lock"))?.as_bytes())?;
    Ok(folder.join("Cargo.toml").to_string_lossy().into_owned())
}

/// Fails if the module imports anything, or holds so little that this proves nothing.
fn judge(module: &[u8]) -> Result<(), String> {
    let imports = count(module, 2)?;
    let functions = count(module, 10)?;
    if imports > 0 {
        return Err(format!(
            "wasm: {imports} imports from the host; the normative crate reaches outside itself"
        ));
    }
    let marks = module.windows(6).filter(|window| window == b"hispos").count();
    if functions == 0 || marks == 0 {
        return Err("wasm: the module does not hold the normative crate; nothing is proved".to_owned());
    }
    println!("wasm: {functions} functions, no import from the host");
    Ok(())
}

/// The number of entries in a section of a WebAssembly module; 0 if it has no such section.
fn count(module: &[u8], wanted: u8) -> Result<u64, String> {
    let mut rest = module.strip_prefix(b"\0asm\x01\0\0\0").ok_or("wasm: not a module")?;
    while let Some((kind, after)) = rest.split_first() {
        let (length, body) = number(after)?;
        let length = usize::try_from(length).map_err(|_| "wasm: section too long")?;
        if *kind == wanted {
            return number(body).map(|(entries, _)| entries);
        }
        rest = body.get(length..).ok_or("wasm: section cut off")?;
    }
    Ok(0)
}

/// Reads an unsigned LEB128 number.
fn number(bytes: &[u8]) -> Result<(u64, &[u8]), String> {
    let mut value = 0;
    for (index, byte) in bytes.iter().enumerate().take(5) {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Ok((value, bytes.get(index + 1..).unwrap_or_default()));
        }
    }
    Err("wasm: number cut off".to_owned())
}

#[cfg(test)]
mod tests {
    use super::judge;

    const HEAD: &[u8] = b"\0asm\x01\0\0\0";
    const CODE: &[u8] = &[10, 1, 3];
    const NAMED: &[u8] = b"\0\x07\x06hispos";

    #[test]
    fn a_module_that_imports_from_the_host_is_refused() {
        assert_eq!(judge(&[HEAD, CODE, NAMED].concat()), Ok(()));
        let importing = [HEAD, &[2, 2, 1, 0], CODE, NAMED].concat();
        assert!(judge(&importing).is_err_and(|error| error.contains("1 imports from the host")));
    }

    #[test]
    fn a_module_without_the_crate_proves_nothing() {
        assert!(judge(&[HEAD, NAMED].concat()).is_err_and(|error| error.contains("nothing is proved")));
        assert!(judge(&[HEAD, CODE].concat()).is_err_and(|error| error.contains("nothing is proved")));
        assert!(judge(b"ELF").is_err());
        assert!(judge(&[HEAD, &[10, 0x80]].concat()).is_err());
    }
}
