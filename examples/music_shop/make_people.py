"""Invent the people behind the purchases: names, addresses, zones, consents. Same seed, same people.

The purchases know a customer only as a number. Everything written here is made up: addresses at example.com,
phone numbers from ranges the authorities keep free for fiction.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

PURCHASES = Path(__file__).parent / "data" / "cdnow_sample_orders.csv"

# per cent of customers, country, language, zone, how a phone number starts, how many digits follow
HOMES = (
    (34, "US", "en", "America/New_York", "+121255501", 2),
    (20, "US", "en", "America/Chicago", "+131255501", 2),
    (18, "US", "en", "America/Los_Angeles", "+121355501", 2),
    (14, "GB", "en", "Europe/London", "+447700900", 3),  # Ofcom: numbers for drama
    (8, "FR", "fr", "Europe/Paris", "+3363998", 4),  # ARCEP: numbers for fiction
    (6, "AU", "en", "Australia/Sydney", "+6125550", 4),  # ACMA: numbers for creative works
)
NAMES = {
    "US": "James Maria Robert Linda Michael Angela David Karen Luis Susan Kevin Denise Brian Grace Eric Joan",
    "GB": "Oliver Emma George Alice Harry Fiona Arthur Ruth Callum Priya Ewan Nora",
    "FR": "Louis Chloe Hugo Manon Jules Camille Rachid Elise",
    "AU": "Jack Ruby Lachlan Mia Noah Isla Cooper Matilda",
}
PHONE, EMAIL_CONSENT, SMS_CONSENT = 0.60, 0.90, 0.50
ASKED = "1996-12-31T12:00:00Z"


def share(seed: int, customer: str, question: str) -> float:
    """A number from 0 to 1 for each question about each customer, independent of all others."""
    digest = hashlib.sha256(f"{seed}/{customer}/{question}".encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def home(at: float) -> tuple[int, str, str, str, str, int]:
    for row in HOMES:
        at -= row[0] / 100
        if at < 0:
            return row
    return HOMES[-1]


def person(seed: int, customer: str, taken: set[str]) -> list[str]:
    """One line of customers.csv: id, email, phone, first_name, country, language, timezone."""
    _, country, language, zone, start, digits = home(share(seed, customer, "home"))
    names = NAMES[country].split()
    name = names[int(share(seed, customer, "name") * len(names))]
    phone = ""
    if share(seed, customer, "phone") < PHONE:
        phone = number(start, digits, share(seed, customer, "number"), taken)
    return [customer, f"{name.lower()}.{customer}@example.com", phone, name, country, language, zone]


def number(start: str, digits: int, at: float, taken: set[str]) -> str:
    """A number nobody has yet, if the range still has one; in North America a neighbouring area code has more."""
    size = 10**digits
    for area in range(40):
        prefix = f"+1{int(start[2:5]) + area}{start[5:]}" if start.startswith("+1") else start
        for offset in range(size):
            phone = f"{prefix}{(int(at * size) + offset) % size:0{digits}}"
            if phone not in taken:
                taken.add(phone)
                return phone
    return f"{start}{int(at * size):0{digits}}"


def consents(seed: int, customer: str) -> Iterable[list[str]]:
    for channel, part in (("email", EMAIL_CONSENT), ("sms", SMS_CONSENT)):
        if share(seed, customer, f"consent {channel}") < part:
            yield [customer, channel, "marketing", "granted", ASKED, "sign-up form"]


def write(path: Path, header: str, rows: Iterable[Sequence[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header.split(","))
        writer.writerows(rows)


def make(seed: int, folder: Path, purchases: Path = PURCHASES) -> None:
    """Write customers.csv and consents.csv into the folder."""
    with purchases.open(encoding="utf-8", newline="") as file:
        customers = sorted({row["customer_id"] for row in csv.DictReader(file)})
    taken: set[str] = set()
    folder.mkdir(parents=True, exist_ok=True)
    people = (person(seed, customer, taken) for customer in customers)
    write(folder / "customers.csv", "id,email,phone,first_name,country,language,timezone", people)
    agreed = (row for customer in customers for row in consents(seed, customer))
    write(folder / "consents.csv", "customer,channel,purpose,state,time,source", agreed)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where customers.csv and consents.csv go")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    make(arguments.seed, arguments.folder)
