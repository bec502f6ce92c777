//! Which mirror of Debian is used: the one that is named, else the one that the host's own apt uses.
//!
//! No mirror is known to this program. [`find_mirror`] decides over texts alone; [`read_apt_sources`] reads those of
//! the host.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use gravure_formats::deb822::{self, Stanza};

use crate::error::{Error, ErrorKind, quoted, quoted_text};

/// What may name a mirror, from the strongest to the weakest.
#[derive(Clone, Copy, Debug, Default)]
pub struct MirrorChoice<'a> {
    /// The argument of `--mirror`.
    pub flag: Option<&'a str>,
    /// The value of `GRAVURE_DEBIAN_MIRROR`.
    pub environment: Option<&'a str>,
    /// What the configuration says.
    pub configuration: Option<&'a str>,
    /// The sources of the host's apt.
    pub apt: &'a [AptFile],
}

/// A file of apt's, with its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AptFile {
    /// Its path; `.sources` at the end tells the format.
    pub path: PathBuf,
    /// Its content.
    pub text: String,
}

/// The mirror that is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mirror {
    /// Its address, without a slash at the end.
    pub url: String,
    /// Who named it, for messages.
    pub named_by: String,
}

/// One combination of address and suite in apt's sources.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Source<'a> {
    uri: &'a str,
    suite: &'a str,
    components: Vec<&'a str>,
    signed_by: Option<&'a str>,
}

/// The releases of Debian, by their codenames and by what they are called in their time.
const RELEASES: [&str; 13] = [
    "stable",
    "oldstable",
    "oldoldstable",
    "testing",
    "unstable",
    "experimental",
    "sid",
    "duke",
    "forky",
    "trixie",
    "bookworm",
    "bullseye",
    "buster",
];

/// What follows a release's name in the suites that are on the same mirror as the release itself.
const SUITES_BESIDE: [&str; 4] = ["-updates", "-proposed-updates", "-backports", "-backports-sloppy"];

/// What follows a release's name in the suites of security updates; the second until buster.
const SECURITY_SUITES: [&str; 2] = ["-security", "/updates"];

/// How the addresses of Debian's archives end.
const DEBIAN: &str = "debian";
const SECURITY: &str = "debian-security";

/// Returns the mirror for Debian's main archive.
///
/// # Errors
/// Nothing names one, or what does is no address.
pub fn find_mirror(choice: &MirrorChoice<'_>) -> Result<Mirror, Error> {
    let named = [
        (choice.flag, "`--mirror`"),
        (choice.environment.filter(|url| !url.is_empty()), "`GRAVURE_DEBIAN_MIRROR`"),
        (choice.configuration, "the configuration"),
    ];
    if let Some((url, named_by)) = named.into_iter().find_map(|(url, by)| Some((url?, by))) {
        if !is_web_address(url) {
            let why = format!(
                "{} (from {named_by}) is no mirror: an address begins with `http://` or `https://`",
                quoted_text(url)
            );
            return Err(Error::new(ErrorKind::Refused, why));
        }
        return Ok(Mirror { url: url.trim_end_matches('/').to_owned(), named_by: named_by.to_owned() });
    }
    mirror_of_apt(choice.apt).ok_or_else(|| {
        let message = "no Debian mirror is named: use `--mirror URL`, set `GRAVURE_DEBIAN_MIRROR`, or name one in the \
                       configuration (the apt sources of this machine name none)";
        Error::new(ErrorKind::Network, message)
    })
}

/// Returns the mirror for a suite of Debian. Security updates are an archive of their own, at another address: the one from
/// which apt has them, else the one beside the main archive, where that is at an address that ends in `debian`.
///
/// # Errors
/// Nothing names one, or what does is no address.
pub fn find_mirror_of_suite(suite: &str, choice: &MirrorChoice<'_>) -> Result<Mirror, Error> {
    if release_with_security(suite).is_none() {
        return find_mirror(choice);
    }
    if let Some(mirror) = security_mirror_of_apt(suite, choice.apt) {
        return Ok(mirror);
    }
    let main = find_mirror(choice)?;
    let beside = beside_debian(&main.url, SECURITY).map(|url| Mirror { url, named_by: main.named_by.clone() });
    beside.ok_or_else(|| {
        let message = format!(
            "no mirror is named for {}: the main archive is at {}, which does not end in `debian`, so that the address of its \
             security updates cannot be told from it; and the apt sources of this machine name none",
            quoted_text(suite),
            quoted_text(&main.url)
        );
        Error::new(ErrorKind::Network, message)
    })
}

/// Returns the release that a suite brings security updates for.
fn release_with_security(suite: &str) -> Option<&str> {
    SECURITY_SUITES.iter().find_map(|end| suite.strip_suffix(end))
}

/// Reads the sources of an apt whose configuration is in `directory` (`/etc/apt`), and the lists of mirrors that they name.
///
/// # Errors
/// A file that is there cannot be read. That there is none is no error.
pub fn read_apt_sources(directory: &Path) -> Result<Vec<AptFile>, Error> {
    let parts = directory.join("sources.list.d");
    let mut paths = vec![directory.join("sources.list")];
    let mut names: Vec<PathBuf> = match fs::read_dir(&parts) {
        Ok(entries) => entries.flatten().map(|entry| entry.path()).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(Error::io("read", &parts, error)),
    };
    names.retain(|path| path.extension().is_some_and(|extension| extension == "list" || extension == "sources"));
    names.sort();
    paths.extend(names);
    let mut files = Vec::new();
    for path in paths {
        files.extend(read_if_there(path)?);
    }
    let lists: Vec<PathBuf> = files.iter().flat_map(sources).filter_map(|source| mirror_list(source.uri)).collect();
    for path in lists {
        files.extend(read_if_there(path)?);
    }
    Ok(files)
}

fn read_if_there(path: PathBuf) -> Result<Option<AptFile>, Error> {
    match fs::read(&path) {
        Ok(bytes) => Ok(Some(AptFile { path, text: String::from_utf8_lossy(&bytes).into_owned() })),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("read", &path, error)),
    }
}

/// Returns the first mirror of Debian's main archive among apt's sources.
///
/// Sure is an entry whose key is Debian's. An entry without a key is taken for Debian's by its address: several
/// others also publish for a release of Debian, in a component `main`, at an address that ends in `debian`; so of these
/// the one with the shortest path goes first. An entry with another key is never Debian's.
fn mirror_of_apt(files: &[AptFile]) -> Option<Mirror> {
    best_of_apt(files, DEBIAN, |source| source.is_release_of_debian().then_some(0))
}

/// Returns the first mirror of Debian's security updates among apt's sources: by the same rules, best one that offers this
/// suite. The updates of all releases are in one archive, so one that offers another serves too.
fn security_mirror_of_apt(suite: &str, files: &[AptFile]) -> Option<Mirror> {
    best_of_apt(files, SECURITY, |source| source.is_security_of_debian().then_some(usize::from(source.suite != suite)))
}

/// Returns the mirror that is the surest to be an archive whose address ends in `name`; of several the one whose source is worth
/// the least, where a source that is worth nothing does not count.
fn best_of_apt(files: &[AptFile], name: &str, worth: impl Fn(&Source<'_>) -> Option<usize>) -> Option<Mirror> {
    let mut candidates = Vec::new();
    for file in files {
        for source in sources(file) {
            let Some(worth) = worth(&source) else { continue };
            let rank = match source.signed_by {
                Some(key) if is_debian_key(key) => 0,
                Some(_) => continue,
                None => 1,
            };
            for url in addresses(source.uri, files) {
                let depth = if rank == 0 { Some(0) } else { depth_of(name, url) };
                candidates.extend(depth.map(|depth| ((rank, worth, depth), url, &file.path)));
            }
        }
    }
    let (_, url, path) = candidates.into_iter().min_by_key(|(order, ..)| *order)?;
    Some(Mirror { url: url.trim_end_matches('/').to_owned(), named_by: quoted(path) })
}

impl Source<'_> {
    /// Whether this is about packages of a release of Debian, or calls itself so.
    fn is_release_of_debian(&self) -> bool {
        let release = SUITES_BESIDE.iter().find_map(|end| self.suite.strip_suffix(end)).unwrap_or(self.suite);
        RELEASES.contains(&release) && self.components.contains(&"main")
    }

    /// Whether this is about security updates of a release of Debian, or calls itself so.
    fn is_security_of_debian(&self) -> bool {
        let release = release_with_security(self.suite);
        release.is_some_and(|release| RELEASES.contains(&release)) && self.components.contains(&"main")
    }
}

/// Whether a key is one of Debian's archive, by the name of its file.
fn is_debian_key(key: &str) -> bool {
    key.split_whitespace().any(|path| path.rsplit('/').next().is_some_and(|name| name.starts_with("debian-archive-")))
}

/// Returns how deep below its host an address has `name` as its last name, or as its last but a time of a snapshot.
fn depth_of(name: &str, url: &str) -> Option<usize> {
    let (_, rest) = url.split_once("://")?;
    let mut names: Vec<&str> = rest.split('/').skip(1).filter(|name| !name.is_empty()).collect();
    names.pop_if(|name| is_time(name));
    (names.last() == Some(&name)).then_some(names.len())
}

/// Returns the address of the archive that is called `name` and lies beside Debian's main one.
fn beside_debian(url: &str, name: &str) -> Option<String> {
    let (start, last) = url.rsplit_once('/').filter(|(start, _)| start.contains("://"))?;
    match last {
        DEBIAN => Some(format!("{start}/{name}")),
        time if is_time(time) => Some(format!("{}/{time}", beside_debian(start, name)?)),
        _ => None,
    }
}

/// Whether a name is a time of a snapshot: `20250520T000000Z`.
fn is_time(name: &str) -> bool {
    name.len() == 16 && name.starts_with("20") && name.ends_with('Z')
}

/// Returns the addresses that a URI of apt's stands for.
fn addresses<'a>(uri: &'a str, files: &'a [AptFile]) -> Vec<&'a str> {
    match mirror_list(uri) {
        None => vec![uri].into_iter().filter(|uri| is_web_address(uri)).collect(),
        Some(path) => {
            let list = files.iter().find(|file| file.path == path);
            let lines = list.map_or("", |file| &file.text).lines();
            lines.filter_map(|line| line.split_whitespace().next()).filter(|uri| is_web_address(uri)).collect()
        }
    }
}

/// Returns the file with addresses that a URI `mirror+file:/path` names.
fn mirror_list(uri: &str) -> Option<PathBuf> {
    let path = uri.strip_prefix("mirror+file:")?;
    let path = path.strip_prefix("//").unwrap_or(path);
    path.starts_with('/').then(|| PathBuf::from(path))
}

fn is_web_address(url: &str) -> bool {
    let host = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    host.is_some_and(|host| {
        !host.is_empty() && !host.starts_with('/') && host.bytes().all(|byte| byte.is_ascii_graphic())
    })
}

/// Returns what a file says of binary packages, in its order.
fn sources(file: &AptFile) -> Vec<Source<'_>> {
    if file.path.extension().is_some_and(|extension| extension == "sources") {
        let stanzas = deb822::ranges(file.text.as_bytes()).map(|(lo, hi)| Stanza::unchecked(&file.text[lo..hi]));
        stanzas.flat_map(sources_of_stanza).collect()
    } else {
        file.text.lines().filter_map(source_of_line).collect()
    }
}

/// Reads a line `deb [option=value ...] URI SUITE COMPONENT...` (sources.list(5), "one-line-style format").
fn source_of_line(line: &str) -> Option<Source<'_>> {
    let line = line.split('#').next()?.trim();
    let rest = line.strip_prefix("deb").filter(|rest| rest.starts_with([' ', '\t', '[']))?.trim_start();
    let (options, rest) = match rest.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => ("", rest),
    };
    let mut words = rest.split_whitespace();
    let signed_by = options.split_whitespace().find_map(|option| option.strip_prefix("signed-by="));
    Some(Source { uri: words.next()?, suite: words.next()?, components: words.collect(), signed_by })
}

/// Reads a stanza (sources.list(5), "deb822-style format").
fn sources_of_stanza(stanza: Stanza<'_>) -> Vec<Source<'_>> {
    let is_off =
        |value: &str| ["no", "false", "off", "without", "disable"].contains(&value.to_ascii_lowercase().as_str());
    if stanza.get("Enabled").is_some_and(is_off) || !stanza.words("Types").any(|word| word == "deb") {
        return Vec::new();
    }
    let signed_by = stanza.get("Signed-By").filter(|key| !key.is_empty());
    let components: Vec<&str> = stanza.words("Components").collect();
    let source = |uri, suite| Source { uri, suite, components: components.clone(), signed_by };
    stanza
        .words("URIs")
        .flat_map(|uri| stanza.words("Suites").map(move |suite| (uri, suite)))
        .map(|(uri, suite)| source(uri, suite))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> AptFile {
        AptFile { path: "/etc/apt/sources.list".into(), text: text.to_owned() }
    }

    fn deb822(text: &str) -> AptFile {
        AptFile { path: "/etc/apt/sources.list.d/x.sources".into(), text: text.to_owned() }
    }

    /// Checks which mirror apt's sources lead to.
    fn check(files: &[AptFile], expected: Option<&str>) {
        let found = find_mirror(&MirrorChoice { apt: files, ..MirrorChoice::default() });
        assert_eq!(found.as_ref().map(|mirror| mirror.url.as_str()).ok(), expected, "{files:?}");
    }

    #[test]
    fn the_strongest_name_wins() {
        let apt = [list("deb http://apt.example.test/debian trixie main")];
        let mut choice = MirrorChoice {
            flag: Some("http://flag.example.test/debian/"),
            environment: Some("http://environment.example.test/d"),
            configuration: Some("https://configuration.example.test"),
            apt: &apt,
        };
        let mut found = Vec::new();
        for weaken in [
            |_: &mut MirrorChoice<'_>| {},
            |choice: &mut MirrorChoice<'_>| choice.flag = None,
            |choice: &mut MirrorChoice<'_>| choice.environment = Some(""),
            |choice: &mut MirrorChoice<'_>| choice.configuration = None,
        ] {
            weaken(&mut choice);
            let Mirror { url, named_by } = find_mirror(&choice).unwrap();
            found.push(format!("{url} by {named_by}"));
        }
        let expected = [
            "http://flag.example.test/debian by `--mirror`",
            "http://environment.example.test/d by `GRAVURE_DEBIAN_MIRROR`",
            "https://configuration.example.test by the configuration",
            "http://apt.example.test/debian by `/etc/apt/sources.list`",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn without_a_mirror_the_error_says_how_to_name_one() {
        let error = find_mirror(&MirrorChoice::default()).unwrap_err();
        assert!(
            error.message.starts_with("no Debian mirror is named: use `--mirror URL`, set `GRAVURE_DEBIAN_MIRROR`")
        );
        assert_eq!(error.exit_code(), 4);
        for wrong in
            ["mirror.example.test/debian", "ftp://mirror.example.test", "http://", "http:///debian", "http://a b"]
        {
            let error = find_mirror(&MirrorChoice { flag: Some(wrong), ..MirrorChoice::default() }).unwrap_err();
            let end = "(from `--mirror`) is no mirror: an address begins with `http://` or `https://`";
            assert_eq!(error.message, format!("`{wrong}` {end}"));
        }
    }

    #[test]
    fn one_line_entries_are_read() {
        let url = Some("http://mirror.example.test/debian");
        check(&[list("deb http://mirror.example.test/debian trixie main contrib\n")], url);
        check(&[list("# a comment\n\ndeb\thttp://mirror.example.test/debian/  stable main # more\n")], url);
        check(&[list("deb [ arch=amd64 trusted=yes ] http://mirror.example.test/debian bookworm-updates main")], url);
        check(&[list("deb [arch=amd64] http://mirror.example.test/debian sid main")], url);
        check(&[list("deb-src http://mirror.example.test/debian trixie main")], None);
        check(&[list("#deb http://mirror.example.test/debian trixie main")], None);
        check(&[list("deb http://mirror.example.test/debian trixie contrib")], None);
        check(&[list("deb [broken http://mirror.example.test/debian trixie main")], None);
        check(&[list("deb cdrom:[Debian GNU/Linux]/ trixie main\ndeb file:/srv/debian trixie main")], None);
    }

    #[test]
    fn stanzas_are_read() {
        let text = "Types: deb deb-src\n# old: http://old.example.test/debian\nURIs: http://mirror.example.test/debian/\n\
                    Suites: trixie trixie-updates\nComponents: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n";
        check(&[deb822(text)], Some("http://mirror.example.test/debian"));
        check(&[deb822(&format!("Enabled: no\n{text}"))], None);
        check(&[deb822(&text.replace("deb deb-src", "deb-src"))], None);
        let several = text.replace("URIs:", "URIs: cdrom:[x]/ https://first.example.test/ftp/debian");
        check(&[deb822(&several)], Some("https://first.example.test/ftp/debian"));
        // Debian's key is proof enough, whatever the address looks like.
        let cache = text.replace("mirror.example.test/debian/", "cache.example.test/d");
        check(&[deb822(&cache)], Some("http://cache.example.test/d"));
    }

    #[test]
    fn security_and_third_parties_are_no_mirrors_of_debian() {
        let third_parties = [
            "deb http://security.example.test/debian-security trixie-security main",
            "deb http://security.example.test/debian buster/updates main",
            "deb https://containers.example.test/linux/debian bookworm stable",
            "deb https://scripts.example.test/node_20.x nodistro main",
            "deb https://tools.example.test bookworm main",
            "deb https://database.example.test/pub/repos/apt bookworm-pgdg main",
            "deb https://builds.example.test/debian binary/",
            "deb [signed-by=/usr/share/keyrings/network.gpg] https://network.example.test/debian bookworm main",
            "deb http://ports.example.test/debian-ports sid main",
            "deb http://archive.example.test/ubuntu jammy main",
            "deb http://archive.example.test/raspbian bookworm main",
        ];
        check(&third_parties.map(list), None);
        let own_key = "Types: deb\nURIs: https://network.example.test/debian\nSuites: trixie\nComponents: main\n\
                       Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n x\n";
        check(&[deb822(own_key)], None);
        let mut files = third_parties.map(list).to_vec();
        files.push(deb822(own_key));
        files.push(list("deb http://mirror.example.test/pub/debian bookworm main"));
        check(&files, Some("http://mirror.example.test/pub/debian"));
    }

    /// Checks which mirror is used for a suite.
    fn check_suite(suite: &str, choice: &MirrorChoice<'_>, expected: Option<&str>) {
        let found = find_mirror_of_suite(suite, choice);
        assert_eq!(found.as_ref().map(|mirror| mirror.url.as_str()).ok(), expected, "{suite} {choice:?}");
    }

    #[test]
    fn security_updates_are_where_apt_has_them() {
        let apt = [
            list("deb http://mirror.example.test/debian bookworm main"),
            list("deb http://security.example.test/debian-security bookworm-security main"),
            list("deb http://other.example.test/debian-security trixie-security main"),
            list("deb http://vpn.example.test/stable/debian trixie-security main"),
        ];
        let choice =
            MirrorChoice { flag: Some("http://flag.example.test/debian"), apt: &apt, ..MirrorChoice::default() };
        check_suite("bookworm-security", &choice, Some("http://security.example.test/debian-security"));
        check_suite("trixie-security", &choice, Some("http://other.example.test/debian-security"));
        // All releases are there, whichever is named.
        check_suite("forky-security", &choice, Some("http://security.example.test/debian-security"));
        for suite in ["trixie", "trixie-updates", "trixie-backports", "trixie-proposed-updates", "anything"] {
            check_suite(suite, &choice, Some("http://flag.example.test/debian"));
        }
        let key = "Types: deb\nURIs: http://cache.example.test/s/\nSuites: trixie-security\nComponents: main\n\
                   Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n";
        let files = [list("deb http://x.example.test/debian-security trixie-security main"), deb822(key)];
        check_suite("trixie-security", &MirrorChoice { apt: &files, ..choice }, Some("http://cache.example.test/s"));
    }

    #[test]
    fn security_updates_are_else_beside_the_main_archive() {
        let named = |flag| MirrorChoice { flag: Some(flag), ..MirrorChoice::default() };
        for (main, security) in [
            ("http://a.example.test/debian/", Some("http://a.example.test/debian-security")),
            ("http://a.example.test/pub/debian", Some("http://a.example.test/pub/debian-security")),
            (
                "http://snapshot.example.test/archive/debian/20250520T000000Z",
                Some("http://snapshot.example.test/archive/debian-security/20250520T000000Z"),
            ),
            ("http://a.example.test/ftp", None),
            ("http://debian", None),
        ] {
            check_suite("trixie-security", &named(main), security);
            check_suite("buster/updates", &named(main), security);
        }
        let error = find_mirror_of_suite("trixie-security", &named("http://a.example.test/ftp")).unwrap_err();
        let start = "no mirror is named for `trixie-security`: the main archive is at `http://a.example.test/ftp`, which does not";
        assert!(error.message.starts_with(start), "{error}");
        let error = find_mirror_of_suite("trixie-security", &MirrorChoice::default()).unwrap_err();
        assert!(error.message.starts_with("no Debian mirror is named"), "{error}");
    }

    #[test]
    fn of_entries_without_key_the_shortest_path_is_debian() {
        let vpn = list("deb https://vpn.example.test/stable/debian bookworm main");
        let main = list("deb http://mirror.example.test/debian bookworm main");
        check(&[vpn.clone(), main.clone()], Some("http://mirror.example.test/debian"));
        let key = "deb [signed-by=/etc/apt/keyrings/debian-archive-keyring.gpg] http://deep.example.test/a/b/c/debian sid main";
        check(&[vpn, main, list(key)], Some("http://deep.example.test/a/b/c/debian"));
        let snapshot = "http://snapshot.example.test/archive/debian/20250520T000000Z";
        check(&[list(&format!("deb {snapshot} bookworm main"))], Some(snapshot));
    }

    #[test]
    fn lists_of_mirrors_and_folders_of_sources_are_read() {
        let scratch = tempfile::tempdir().unwrap();
        let apt = scratch.path();
        fs::create_dir(apt.join("sources.list.d")).unwrap();
        fs::write(apt.join("debian.list"), "\nhttp://second.example.test/debian\tpriority:1\n").unwrap();
        let uri = format!("mirror+file://{}", apt.join("debian.list").display());
        let stanza = format!("Types: deb\nURIs: {uri}\nSuites: trixie\nComponents: main\n");
        fs::write(apt.join("sources.list.d/b.sources"), stanza).unwrap();
        fs::write(apt.join("sources.list.d/a.list"), "deb http://a.example.test/x trixie main\n").unwrap();
        fs::write(apt.join("sources.list.d/c.list.save"), "deb http://c.example.test/debian trixie main\n").unwrap();
        let files = read_apt_sources(apt).unwrap();
        check(&files, Some("http://second.example.test/debian"));
        let names: Vec<_> = files.iter().map(|file| file.path.file_name().unwrap().to_str().unwrap()).collect();
        assert_eq!(names, ["a.list", "b.sources", "debian.list"]);
        assert_eq!(read_apt_sources(&apt.join("missing")).unwrap(), []);
    }
}
