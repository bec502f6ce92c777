//! What holds for every closure: shown on small random archives, where all sets of packages can be tried.

use gravure_formats::deb822::{Stanza, stanzas};
use gravure_formats::debian::closure::{Options, Request, resolve};
use gravure_formats::debian::relation::{Relation, parse_groups, parse_relations};
use gravure_formats::debian::universe::{Source, Universe};
use gravure_formats::debian_version::Version;
use proptest::prelude::*;

const N_PACKAGES: usize = 7;

/// What one package says: groups of alternatives that it needs, what it conflicts with, what it provides, its version.
type Package = (Vec<Vec<String>>, Vec<String>, Vec<String>, u8);

fn package() -> impl Strategy<Value = Package> {
    let relation = "(p[0-6]|v[01])( \\((>=|<<|=) [123]\\))?";
    let group = proptest::collection::vec(relation, 1..4);
    let needs = proptest::collection::vec(group, 0..3);
    let conflicts = proptest::collection::vec(relation, 0..2);
    (needs, conflicts, proptest::collection::vec("v[01]( \\(= [123]\\))?", 0..2), 1..4_u8)
}

fn archive() -> impl Strategy<Value = Vec<String>> {
    proptest::collection::vec(package(), N_PACKAGES)
        .prop_map(|packages| packages.iter().enumerate().map(|(number, package)| stanza(number, package)).collect())
}

fn stanza(number: usize, (needs, conflicts, provides, version): &Package) -> String {
    let needs: Vec<String> = needs.iter().map(|group| group.join(" | ")).collect();
    let lists = [("Depends", needs.join(", ")), ("Breaks", conflicts.join(", ")), ("Provides", provides.join(", "))];
    let fields = lists.iter().map(|(field, value)| format!("{field}: {value}\n"));
    format!("Package: p{number}\nVersion: {version}\n{}", fields.collect::<String>())
}

/// A judge of its own: whether the packages go together and have what they need.
fn is_closed(packages: &[Stanza<'_>]) -> bool {
    packages.iter().all(|package| {
        let groups = parse_groups(package.get("Depends").unwrap()).unwrap();
        let breaks = parse_relations(package.get("Breaks").unwrap()).unwrap();
        let is_met = |relation: &Relation<'_>| packages.iter().any(|other| means(relation, *other));
        let is_broken = |relation: &Relation<'_>| {
            packages.iter().any(|other| other.get("Package") != package.get("Package") && means(relation, *other))
        };
        groups.iter().all(|group| group.alternatives.iter().any(is_met)) && !breaks.iter().any(is_broken)
    })
}

fn means(relation: &Relation<'_>, package: Stanza<'_>) -> bool {
    let admits = |version: &str| relation.bound.is_none_or(|bound| bound.admits(&Version::parse(version).unwrap()));
    let provides = parse_relations(package.get("Provides").unwrap()).unwrap();
    let is_provided = |provided: &Relation<'_>| {
        provided.name == relation.name
            && provided.bound.map_or(relation.bound.is_none(), |version| admits(version.text))
    };
    (package.get("Package") == Some(relation.name) && admits(package.get("Version").unwrap()))
        || provides.iter().any(is_provided)
}

fn parse(texts: &[String]) -> Vec<Stanza<'_>> {
    texts.iter().map(|text| stanzas(text).next().unwrap().unwrap()).collect()
}

/// Whether some set of packages has the first ones and is closed.
fn can_be(packages: &[Stanza<'_>], n_requests: usize) -> bool {
    let requests = (1_u32 << n_requests) - 1;
    (0..1_u32 << packages.len()).filter(|set| set & requests == requests).any(|set| {
        let chosen: Vec<Stanza<'_>> =
            (0..packages.len()).filter(|at| set & (1 << at) != 0).map(|at| packages[at]).collect();
        is_closed(&chosen)
    })
}

/// Returns the names that are chosen, or why none are.
fn choose<'a>(stanzas: impl Iterator<Item = &'a String>, requests: &[Request]) -> Result<Vec<String>, String> {
    let source = Source { name: "trixie".to_owned(), priority: 500 };
    let universe = Universe::new("amd64", vec![source], stanzas.map(|text| (0, text.as_str()))).unwrap();
    let closure = resolve(&universe, requests, &Options::default()).map_err(|unmet| unmet.to_string())?;
    Ok(closure.packages.iter().map(|chosen| universe.candidate(chosen.candidate).name.to_owned()).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn closures_are_closed_and_found_when_there_are_some(texts in archive(), n_requests in 1..4_usize) {
        let packages = parse(&texts);
        let requests: Vec<Request> = (0..n_requests).map(|number| Request::named(format!("p{number}"))).collect();
        let found = choose(texts.iter(), &requests);
        prop_assert_eq!(&choose(texts.iter().rev(), &requests), &found, "the order of stanzas decides");
        let turned: Vec<Request> = requests.iter().rev().cloned().collect();
        prop_assert_eq!(choose(texts.iter(), &turned).ok(), found.clone().ok(), "the order of requests decides");
        match found {
            Err(why) => prop_assert!(!can_be(&packages, n_requests), "{}", why),
            Ok(names) => {
                let is_chosen = |package: &&Stanza<'_>| names.iter().any(|name| package.get("Package") == Some(name));
                let chosen: Vec<Stanza<'_>> = packages.iter().filter(is_chosen).copied().collect();
                prop_assert!(is_closed(&chosen), "{:?}", names);
                prop_assert!(requests.iter().all(|request| names.contains(&request.name)));
            }
        }
    }
}
