//! Organisations, and the files that they sign: agreements and manifests.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use hispos::ids::{DeviceId, SiteId, TerminalId};
use hispos::message::agreement::Agreement as Agreed;
use hispos::message::manifest::{Entry, EntryId, Manifest as Entries};
use hispos::message::signed_file::{FileKind, OrganisationKey, SignedFile};
use hispos::time::UnixSeconds;
use hispos_common::clock;
use hispos_common::exit::Exit;
use hispos_common::files;
use hispos_common::folder::Kept;
use hispos_common::output::Failure;
use hispos_common::request::KeyRequest;
use serde_json::{Value, json};

use super::files::{about, read, write};
use super::{Context, Out};
use crate::provisioning;
use crate::provisioning::agreement::AgreementFile;
use crate::provisioning::manifest::{Change, FromRequest, next};
use crate::provisioning::organisation::{self, hex, same_fingerprint};

/// Organisation keys.
#[derive(Debug, Subcommand)]
pub(crate) enum Org {
    /// Make an organisation's key in a new directory. Keep it offline; send organisation.json to the other one, and
    /// compare the fingerprint by telephone.
    Init {
        /// The new directory.
        directory: PathBuf,
        /// The organisation's name, for people.
        #[arg(long)]
        name: String,
    },
    /// Sign an agreement or a manifest. Shows what it says first.
    Sign {
        /// The file; the signature is added to it.
        file: PathBuf,
        /// The organisation's directory.
        #[arg(long, value_name = "DIR")]
        org: PathBuf,
    },
}

/// Link agreements.
#[derive(Debug, Subcommand)]
pub(crate) enum Agreement {
    /// Print the JSON schema of `new --from`.
    Schema,
    /// Make an agreement from JSON; both organisations then sign it.
    New {
        /// The JSON file.
        #[arg(long, value_name = "FILE")]
        from: PathBuf,
        #[command(flatten)]
        out: Out,
    },
    /// Show what an agreement says and who signed it.
    Show {
        /// The file.
        file: PathBuf,
    },
    /// Take an agreement over. The first one needs both fingerprints, as people compared them.
    Import {
        /// The file.
        file: PathBuf,
        /// Fingerprint of the hospital's organisation.
        #[arg(long, value_name = "FINGERPRINT")]
        his_organisation: Option<String>,
        /// Fingerprint of the POS company's organisation.
        #[arg(long, value_name = "FINGERPRINT")]
        pos_organisation: Option<String>,
    },
    /// List the agreements held, newest first.
    List,
}

/// Manifests.
#[derive(Debug, Subcommand)]
pub(crate) enum Manifest {
    /// Make a manifest of devices from requests; the POS company then signs it.
    Devices(Next),
    /// Make a manifest of software terminals from requests; the hospital then signs it.
    Terminals(Next),
    /// Show what a manifest says and who signed it.
    Show {
        /// The file.
        file: PathBuf,
    },
}

/// What the next manifest holds.
#[derive(Args, Debug)]
pub(crate) struct Next {
    /// The site; needed for its first manifest.
    #[arg(long)]
    site: Option<String>,
    /// The manifest before: nothing in it is lost.
    #[arg(long, value_name = "FILE")]
    previous: Option<PathBuf>,
    /// Requests of new entries.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    add: Vec<PathBuf>,
    /// Entries that get no new orders.
    #[arg(long, value_name = "ID", num_args = 1..)]
    retire: Vec<String>,
    /// Entries whose key may be in other hands: ID@UNIX_SECONDS.
    #[arg(long, value_name = "ID@SECONDS", num_args = 1..)]
    compromised: Vec<String>,
    #[command(flatten)]
    out: Out,
}

pub(crate) fn org(command: Org, context: &Context) -> Result<(), Failure> {
    match command {
        Org::Init { directory, name } => {
            let made = organisation::create(&directory, &name).map_err(about(&directory))?;
            let text = format!(
                "{}\nfingerprint {}\nKeep {} offline.",
                made.name,
                made.fingerprint,
                directory.display()
            );
            context.output.say(&json!({"ok": true, "organisation": made}), text);
        }
        Org::Sign { file: path, org } => {
            let mut file = read(&path)?;
            //= spec-crate/spec/provisioning.md#signed-files
            //# A program MUST show the payload to the person who signs it, before it signs.
            show(&path, context)?;
            let seed = organisation::seed(&org).map_err(about(&org))?;
            file.sign(&seed).map_err(about(&path))?;
            write(&path, &file.encode())?;
            let fingerprint = OrganisationKey::of(&seed).fingerprint();
            let text = format!("signed: a {}\nby {fingerprint}", file.kind().name());
            context
                .output
                .say(&json!({"ok": true, "kind": file.kind().name(), "fingerprint": fingerprint}), text);
        }
    }
    Ok(())
}

pub(crate) fn agreement(command: Agreement, context: &Context) -> Result<(), Failure> {
    match command {
        Agreement::Schema => {
            let schema = schemars::schema_for!(AgreementFile);
            let text =
                serde_json::to_string_pretty(&schema).map_err(Failure::about(Exit::Usage, "schema"))?;
            context.output.say(schema.as_value(), text);
        }
        Agreement::New { from, out } => {
            let text = std::fs::read(&from).map_err(about(&from))?;
            let described: AgreementFile = serde_json::from_slice(&text).map_err(about(&from))?;
            let agreement = described.agreement().map_err(about(&from))?;
            let file = SignedFile::create(FileKind::Agreement, agreement.payload().to_vec())
                .map_err(about(&from))?;
            write(&out.out, &file.encode())?;
            context.output.say(
                &json!({"ok": true, "hash": hex(agreement.hash())}),
                "made; both organisations sign it now",
            );
        }
        Agreement::Show { file } => show(&file, context)?,
        Agreement::Import { file, his_organisation, pos_organisation } => {
            import_agreement(&file, his_organisation, pos_organisation, context)?
        }
        Agreement::List => {
            for agreement in provisioning::agreements(&context.home)? {
                let terms = agreement.terms();
                let text = format!(
                    "agreement {} of site {}, {}",
                    terms.agreement_no,
                    terms.site_id,
                    money_word(&agreement)
                );
                context.output.say(&described(&agreement), text);
            }
        }
    }
    Ok(())
}

fn import_agreement(
    path: &Path,
    his_organisation: Option<String>,
    pos_organisation: Option<String>,
    context: &Context,
) -> Result<(), Failure> {
    let bytes = files::read(path).map_err(about(path))?;
    let file = SignedFile::decode(&bytes).map_err(about(path))?;
    let agreement = Agreed::open(&file).map_err(about(path))?;
    let terms = agreement.terms();
    let mut site = context.home.site().map_err(Failure::about(Exit::Usage, "site.json"))?;
    let before = site.compared();
    for (who, key, held, told) in [
        ("hospital", &terms.his_organisation, &mut site.his_organisation, his_organisation),
        ("POS company", &terms.pos_organisation, &mut site.pos_organisation, pos_organisation),
    ] {
        let fingerprint = key.fingerprint();
        //= spec-crate/spec/provisioning.md#organisation-keys
        //# A program MUST take an agreement over only if a person has confirmed, at this import or an earlier
        //# one, the fingerprints of both organisation keys that the agreement names.
        let trusted = told.or_else(|| held.clone()).ok_or_else(|| {
            let text = format!("compare the fingerprint of the {who} first, then give it with --his-organisation or --pos-organisation: {fingerprint}");
            Failure::new(Exit::Refused, text)
        })?;
        //= spec-crate/spec/provisioning.md#organisation-keys
        //# A program MUST refuse an agreement that names other organisation keys than those confirmed, until
        //# a person confirms the new ones.
        if !same_fingerprint(&trusted, &fingerprint) {
            let text = format!(
                "the {who}'s key has the fingerprint {fingerprint}, and {trusted} is trusted: do not use this file"
            );
            return Err(Failure::new(Exit::Refused, text));
        }
        *held = Some(fingerprint);
    }
    if let Some(newest) = provisioning::agreements(&context.home)?.first() {
        newest.check_successor(&agreement).map_err(Failure::about(Exit::Refused, path.display()))?;
    }
    //= spec-crate/spec/provisioning.md#taking-an-agreement-over
    //# A program MUST refuse an agreement of another site id than the newest one that it holds, or
    //# under which PRV-33 would refuse the manifest that it holds.
    provisioning::keeps_devices(&context.home, &agreement)?;
    site.earlier_organisations.extend(before.filter(|before| Some(before) != site.compared().as_ref()));
    let written = context.home.write_site(&site);
    //= spec-crate/spec/provisioning.md#signed-files
    //# A program MUST keep an imported file byte for byte, and verify it again at each start.
    //= spec-crate/spec/provisioning.md#taking-an-agreement-over
    //# A program MUST keep every agreement that it ever took over for as long as its book.
    let keep = || context.home.keep(Kept::Agreements, terms.agreement_no, &bytes);
    written.and_then(|()| keep()).map_err(about(path))?;
    let text = format!(
        "agreement {} of site {} is held, {}",
        terms.agreement_no,
        terms.site_id,
        money_word(&agreement)
    );
    context.output.say(&described(&agreement), text);
    Ok(())
}

pub(crate) fn manifest(command: Manifest, context: &Context) -> Result<(), Failure> {
    match command {
        Manifest::Devices(next) => make::<DeviceId>(&next, FileKind::DeviceManifest, context),
        Manifest::Terminals(next) => make::<TerminalId>(&next, FileKind::TerminalManifest, context),
        Manifest::Show { file } => show(&file, context),
    }
}

fn make<I: EntryId + FromRequest + Clone + Ord>(
    arguments: &Next,
    kind: FileKind,
    context: &Context,
) -> Result<(), Failure> {
    let previous: Option<Entries<Entry<I>>> = arguments.previous.as_deref().map(entries_of).transpose()?;
    let site = match (&previous, &arguments.site) {
        (Some(previous), None) => previous.site().clone(),
        (_, Some(site)) => SiteId::try_from(site.as_str()).map_err(Failure::about(Exit::Usage, "site"))?,
        (None, None) => return Err(Failure::new(Exit::Usage, "the first manifest of a site needs --site")),
    };
    let add = arguments
        .add
        .iter()
        .map(|path| KeyRequest::read(path).map_err(about(path)))
        .collect::<Result<_, _>>()?;
    let compromised = arguments.compromised.iter().map(|text| compromised(text)).collect::<Result<_, _>>()?;
    let change = Change { add, retire: arguments.retire.clone(), compromised };
    let now =
        clock::unix().ok_or_else(|| Failure::new(Exit::Refused, "the machine has no trustworthy time"))?;
    let made =
        next(&site, previous.as_ref(), &change, now).map_err(|text| Failure::new(Exit::Usage, text))?;
    let file = SignedFile::create(kind, made.payload().to_vec())
        .map_err(Failure::about(Exit::Usage, kind.name()))?;
    write(&arguments.out.out, &file.encode())?;
    let text = format!(
        "{} {} of site {site}: {} entries; sign it now",
        kind.name(),
        made.serial(),
        made.entries().len()
    );
    context.output.say(&json!({"ok": true, "serial": made.serial(), "entries": made.entries().len()}), text);
    Ok(())
}

fn show(path: &Path, context: &Context) -> Result<(), Failure> {
    let file = read(path)?;
    let signers: Vec<String> = file.signers().map(|key| key.to_string()).collect();
    let said = match file.kind() {
        FileKind::Agreement => described(&Agreed::decode(file.payload().to_vec()).map_err(about(path))?),
        FileKind::DeviceManifest => entries(&entries_of::<DeviceId>(path)?),
        FileKind::TerminalManifest => entries(&entries_of::<TerminalId>(path)?),
    };
    let object = json!({"ok": true, "kind": file.kind().name(), "signers": signers, "says": said});
    let text = serde_json::to_string_pretty(&object).map_err(about(path))?;
    context.output.say(&object, text);
    Ok(())
}

fn described(agreement: &Agreed) -> Value {
    let terms = agreement.terms();
    let account = |account: &Option<hispos::message::agreement::Account>| {
        account.as_ref().map(|account| json!({"id": account.id, "sub_id": account.sub_id}))
    };
    json!({
        "agreement_no": terms.agreement_no, "hash": hex(agreement.hash()), "site_id": terms.site_id.as_str(),
        "site_code": terms.site_code.as_str(), "simulated": terms.simulated,
        "versions": terms.versions, "suites": terms.suites,
        "his_fingerprint": terms.his_organisation.fingerprint(), "pos_fingerprint": terms.pos_organisation.fingerprint(),
        "collect_max_fen": terms.amounts.collect_max, "refund_max_fen": terms.amounts.refund_max,
        "refund_day_max_fen": terms.amounts.refund_day_max,
        "utc_offset_minutes": terms.business_day.utc_offset_minutes, "cut_minutes": terms.business_day.cut_minutes,
        "wechat": account(&terms.wechat), "alipay": account(&terms.alipay),
        "timers": format!("{:?}", terms.timers),
    })
}

fn entries<I: EntryId + std::fmt::Display>(manifest: &Entries<Entry<I>>) -> Value {
    let entry = |entry: &Entry<I>| {
        json!({
            "id": entry.id.to_string(), "name": entry.name, "public_key": hex(&entry.public_key),
            "valid_from": entry.valid_from.0, "valid_until": entry.valid_until.0,
            "revocation": entry.revocation.map(|revocation| format!("{revocation:?}")),
        })
    };
    let all: Vec<Value> = manifest.entries().iter().map(entry).collect();
    json!({"serial": manifest.serial(), "site_id": manifest.site().as_str(), "entries": all})
}

fn money_word(agreement: &Agreed) -> &'static str {
    if agreement.terms().simulated { "simulated: no money moves" } else { "production: real money" }
}

fn entries_of<I: EntryId>(path: &Path) -> Result<Entries<Entry<I>>, Failure> {
    let file = read(path)?;
    file.expect_kind(I::KIND).map_err(about(path))?;
    Entries::decode(file.payload().to_vec()).map_err(about(path))
}

fn compromised(text: &str) -> Result<(String, UnixSeconds), Failure> {
    let parsed =
        text.split_once('@').and_then(|(id, since)| Some((id.to_owned(), UnixSeconds(since.parse().ok()?))));
    parsed.ok_or_else(|| Failure::new(Exit::Usage, format!("{text} is not ID@UNIX_SECONDS")))
}
