# SPDX-License-Identifier: MIT
"""story: what the stories of the city's papers are told with. People sit at desks and take their mailboxes, or type
commands; the time passes from deadline to deadline; at the end it is counted, from what everybody saw, that nothing was
lost, doubled, or came to a silent end."""
import collections
import datetime
import json

from clock import PLYMOUTH_TIME
from harness import OperatorCase
from network import wait_for
from peer import Peer, new_uuid, step_all
from protocol import NOBODY

AGAIN = datetime.timedelta(days=7)  # so often is everybody looked at while something is open
LINK_WORKER, OFFICER = "social-prescribing", "officer"


def wemwbs(total, taken_on, **fields):
    return {"measure": "WEMWBS", "total": total, "taken_on": taken_on, **fields}


class Desk(Peer):
    """Somebody's own system, on a connection of its own."""

    def __init__(self, *arguments, **options):
        self.told_again = 0
        super().__init__(*arguments, **options)

    def take_push(self, message):
        self.told_again += message["mailbox_number"] in self.history
        super().take_push(message)


class Story(OperatorCase):

    senders = []
    desks = []  # of the hubs and senders that are always there

    @classmethod
    def before_start(cls):
        super().before_start()
        for name in cls.senders:
            cls.network.enrol(name, "sender")
        cls.network.enrol(OFFICER, "privacy-officer")

    def setUp(self):
        self.clock = self.network.clock
        self.told = collections.defaultdict(dict)   # party: {mailbox number: message}
        self.referred = {}                          # referral id: its sender
        self.all_desks = []
        self.operator = self.network.operator()
        self.at = {name: self.sit_down(name) for name in self.desks}

    # ---- desks ----

    def sit_down(self, party, **options):
        role = "hub" if party in self.hubs else "sender"
        desk = Desk(self.network.endpoint, self.network.enrol(party, role), party, **options)
        self.network.peers.append(desk)
        self.all_desks.append(desk)
        desk.hello()
        return desk

    def leave(self, desk):
        """Without a word; what it has taken stays taken."""
        self.remember(desk)
        desk.close()
        self.network.peers.remove(desk)

    def remember(self, desk):
        for number, message in desk.history.items():
            known = self.told[desk.name].setdefault(number, message)
            self.assertEqual(known, message, f"{desk.name} was told two things under number {number}")

    def those_who_are_there(self):
        return [desk for desk in self.all_desks if desk.socket]

    def unconfirmed(self, party):
        rows = self.operator.ask({"type": "mailboxes"})
        return next((row["unconfirmed"] for row in rows if row.get("party") == party), 0)

    def settle(self):
        """The network has done what is due by now, and all who are there know. (A jump of the clock wakes nobody; any
        request does, and what is due is done with it.)"""
        self.operator.ask({"type": "annotate", "referral_id": NOBODY, "note": "to wake you"})

        def all_know():
            there = self.those_who_are_there()
            step_all(there, 0.002)
            for desk in there:
                desk.pushes()
            return not any(self.unconfirmed(desk.name) for desk in there if desk.confirms)
        wait_for(all_know, 60, "somebody does not get what they are owed")
        for desk in self.those_who_are_there():
            self.remember(desk)

    # ---- time ----

    def now(self):
        return self.clock.now()

    def moment(self, text):
        return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(PLYMOUTH_TIME)

    def on_the_wall(self, text):
        return self.moment(text).strftime("%a %Y-%m-%d %H:%M")

    def until(self, text):
        """The time passes, from deadline to deadline."""
        end = datetime.datetime.fromisoformat(text).replace(tzinfo=PLYMOUTH_TIME)
        self.settle()
        while True:
            now = self.now()
            due = [self.moment(row["deadline"]) for row in self.open_referrals() if "deadline" in row]
            steps = [one for one in due if one > now] + ([now + AGAIN] if due else []) + [end]
            self.clock.set(max(now, min(steps)))
            self.settle()
            if min(steps) == end:
                return

    def after(self, **passed):
        """A day later is at the same hour; and a minute more, so that what is due just then has been done."""
        later = self.now() + datetime.timedelta(**passed) + datetime.timedelta(minutes=1)
        self.until(later.strftime("%Y-%m-%d %H:%M:%S"))

    # ---- saying ----

    def refer(self, party=LINK_WORKER, **fields):
        """By hand, with the command-line client. Returns the referral's id."""
        correlation = fields.pop("correlation_id", None)
        person = self.people.submit(**fields)
        self.person = person  # the last one
        for name in ("type", "request_id", "sent_at", "authored_on"):
            del person[name]
        person["correlation_id"] = correlation or new_uuid()
        with open(self.network.path("person.json"), "w", encoding="utf-8") as file:
            json.dump(person, file)
        referral = self.run_client("referral", "submit", "--file", self.network.path("person.json"),
                                   party=party).stdout.strip()
        self.referred[referral] = party
        self.settle()
        return referral

    def ask(self, desk, kind, **fields):
        answer = desk.ask({"type": kind, **fields})[0]
        self.settle()
        return answer

    def says(self, hub, kind, referral, **fields):
        """The hub's own system says it about the newest offer of the referral that it has had."""
        number = self.heard(hub, "offer", referral)["offer_number"]
        answer = self.ask(self.at[hub], kind, referral_id=referral, offer_number=number, **fields)
        self.assertEqual("done", answer["type"], answer)
        return answer

    def types(self, hub, *arguments):
        """Somebody at the hub types it."""
        self.hub(hub, *arguments)
        self.settle()

    def decides(self, *arguments):
        """An operator."""
        self.ctl(*arguments)
        self.settle()

    def reads(self, party=LINK_WORKER):
        """Who has no system of their own reads what there is, and with that confirms it."""
        count = self.unconfirmed(party)
        if count == 0:
            return []
        lines = self.run_client("referral", "follow", "--once", str(count), "-o", "jsonl", "--reveal",
                                party=party).stdout.splitlines()
        news = [json.loads(line) for line in lines]
        for one in news:
            self.assertEqual(one, self.told[party].setdefault(one["mailbox_number"], one))
        self.settle()
        return news

    # ---- hearing ----

    def all_heard(self, party, kind, referral=None):
        return [one for _, one in sorted(self.told[party].items())
                if one["type"] == kind and referral in (None, one.get("referral_id"))]

    def heard(self, party, kind, referral=None):
        """The newest."""
        found = self.all_heard(party, kind, referral)
        self.assertTrue(found, f"{party} has not heard {kind} about {referral}, but "
                               f"{[one['type'] for _, one in sorted(self.told[party].items())]}")
        return found[-1]

    def not_heard(self, party, kind, referral):
        self.assertEqual([], self.all_heard(party, kind, referral))

    def stands(self, referral):
        return self.rows("show", referral)[0]

    def status(self, referral):
        return self.stands(referral)["business_status"]

    def events(self, referral):
        """Oldest first."""
        return [row["event"] for row in self.rows("history", referral)][::-1]

    def offered_to(self, referral):
        return self.stands(referral).get("hub_id")

    def all_referrals(self):
        return [row for row in self.operator.ask({"type": "list", "limit": 1000}) if row["type"] == "referral"]

    def open_referrals(self):
        """Each of them is somebody's, with a deadline, at any time."""
        rows = [row for row in self.all_referrals() if row["business_status"] != "closed-acknowledged"]
        self.assertEqual([], [row for row in rows if self.is_nobodys(row)])
        return rows

    @staticmethod
    def is_nobodys(row):
        return not (row.get("deadline") and row.get("deadline_owner") and row.get("deadline_stage"))

    # ---- the end ----

    def the_end(self):
        """Everything is well with the books, and everybody was told everything once."""
        self.settle()
        self.assertEqual("0 findings\n", self.ctl("store", "check").stderr)
        self.ctl("audit", "verify")
        listed = self.rows("list", "--all")
        counts = {"referrals": len(listed), "messages": sum(map(len, self.told.values())),
                  "repeats": sum(desk.told_again + desk.repeats for desk in self.all_desks),
                  "lost": self.lost(listed), "doubled": self.doubled(listed), "silent": self.silent(listed)}
        print(f"\n{self.id().split('.')[-1]}: " + ", ".join(f"{count} {name}" for name, count in counts.items()),
              flush=True)
        self.assertEqual((0, 0, 0), (counts["lost"], counts["doubled"], counts["silent"]))

    def lost(self, listed):
        """Referrals that were stored and are not there, numbers of mailboxes that never came, and what is still owed to
        those who are there."""
        gaps = sum(max(told) - len(told) for told in self.told.values() if told)
        owed = sum(self.unconfirmed(desk.name) for desk in self.those_who_are_there())
        return len(set(self.referred) - {row["referral_id"] for row in listed}) + gaps + owed

    def doubled(self, listed):
        """Referrals that nobody sent, and messages that came under two numbers."""
        contents = collections.Counter(
            json.dumps({name: value for name, value in message.items() if name != "mailbox_number"}, sort_keys=True)
            + party for party, told in self.told.items() for message in told.values())
        return len({row["referral_id"] for row in listed} - set(self.referred)) + sum(
            count - 1 for count in contents.values())

    def silent(self, listed):
        """What is open and nobody's, or waits without end; what has ended, and its sender has not heard so."""
        count = 0
        for row in listed:
            if row["business_status"] == "closed-acknowledged":
                count += not self.all_heard(self.referred[row["referral_id"]], "ended", row["referral_id"])
            else:
                count += self.is_nobodys(row)
        return count
