"""A second opinion on FHIR R4 bundles, by two packages that know nothing of this project.

fhirclient (SMART Health IT): models generated from the R4 4.0.1 definitions; required and unknown
members, lists and single values, types, dates, contained resources.
google-fhir-r4 (Google): protocol buffers generated from the same definitions; codes of required
bindings, forms of primitive values, types that a reference may point to.

    check_r4.py FILE...            every file must be a valid bundle
    check_r4.py --mutants FILE...  every bundle broken on purpose must be refused
"""

import copy
import json
import sys

from fhirclient.models.bundle import Bundle
from google.fhir.r4 import json_format
from google.fhir.r4.proto.core.resources import bundle_and_contained_resource_pb2 as protos


def problems(bundle):
    """What either package refuses; empty = valid R4."""
    found = []
    try:
        Bundle(copy.deepcopy(bundle), strict=True)
    except Exception as error:  # the packages' errors have no common base
        found.append(f"fhirclient: {type(error).__name__}: {error}")
    try:
        json_format.json_fhir_string_to_proto(
            json.dumps(bundle), protos.Bundle, validate=True, default_timezone="Europe/Rome"
        )
    except Exception as error:
        found.append(f"google-fhir-r4: {type(error).__name__}: {error}")
    return found


# Members that R4 wants, by type of resource (top level).
REQUIRED = {
    "EpisodeOfCare": ["status", "patient"],
    "CarePlan": ["status", "intent", "subject"],
    "Goal": ["lifecycleStatus", "description", "subject"],
    "Condition": ["subject"],
    "Observation": ["status", "code"],
    "ServiceRequest": ["status", "intent", "subject"],
    "Consent": ["status", "scope", "category"],
    "Provenance": ["target", "recorded", "agent"],
}
CODES = ["status", "intent", "gender", "lifecycleStatus"]
DATES = ["birthDate", "created", "onsetDateTime", "effectiveDateTime", "dateTime", "recorded"]
REFERENCES = ["patient", "subject"]


def resources(bundle):
    for entry in bundle["entry"]:
        yield entry["resource"]
        yield from entry["resource"].get("contained", [])


def mutants(bundle):
    """The bundle with one thing broken each time, and what was broken."""

    def broken(number, change):
        copied = copy.deepcopy(bundle)
        change(list(resources(copied))[number])
        return copied

    for number, resource in enumerate(resources(bundle)):
        kind = resource["resourceType"]
        contained = kind == "Goal"
        for name in REQUIRED.get(kind, []):
            yield f"{kind} without {name}", broken(number, lambda r, n=name: r.pop(n))
        for name in resource:
            if name in ("resourceType", "id"):
                continue
            if isinstance(resource[name], list):
                yield f"{kind}.{name} as a single value", broken(number, lambda r, n=name: r.update({n: r[n][0]}))
            else:
                yield f"{kind}.{name} as a list", broken(number, lambda r, n=name: r.update({n: [r[n]]}))
            yield f"{kind}.{name} as a number", broken(number, lambda r, n=name: r.update({n: 7}))
        yield f"{kind} with a member that R4 has not", broken(number, lambda r: r.update({"nonsense": "x"}))
        for name in DATES:
            if name in resource:
                yield f"{kind}.{name} on no day", broken(number, lambda r, n=name: r.update({n: "2024-13-01"}))
        # What stands inside a contained resource google-fhir-r4 does not look at.
        for name in [] if contained else CODES:
            if name in resource:
                yield f"{kind}.{name} with an unknown code", broken(number, lambda r, n=name: r.update({n: "bogus"}))
        for name in [] if contained else REFERENCES:
            if name in resource:
                wrong = {"reference": "Binary/1"}
                yield f"{kind}.{name} to a Binary", broken(number, lambda r, n=name: r.update({n: wrong}))
    for number in range(len(bundle["entry"])):
        copied = copy.deepcopy(bundle)
        copied["entry"][number]["request"]["method"] = "SEND"
        yield "an unknown method", copied
        copied = copy.deepcopy(bundle)
        del copied["entry"][number]["request"]["url"]
        yield "a request without url", copied
    copied = copy.deepcopy(bundle)
    del copied["type"]
    yield "a bundle without type", copied


def main(arguments):
    break_them = arguments[:1] == ["--mutants"]
    paths = arguments[1:] if break_them else arguments
    failures, checked = [], 0
    for path in paths:
        with open(path, encoding="utf-8") as file:
            bundle = json.load(file)
        if break_them:
            for entry in bundle["entry"]:
                # Alone, so that the validators need not read its neighbours each time.
                for what, mutant in mutants({**bundle, "entry": [entry]}):
                    checked += 1
                    if not problems(mutant):
                        failures.append(f"{path}: accepted {what}")
        else:
            checked += 1
            failures += [f"{path}: {problem}" for problem in problems(bundle)]
    print("\n".join(failures))
    print(f"{checked} bundles, {len(failures)} failures")
    return 1 if failures or not checked else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
