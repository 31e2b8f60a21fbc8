package hispos

import (
	"bytes"

	"google.golang.org/protobuf/proto"

	pb "hispos-client/internal/messages"
)

// Entry is a device or a terminal of a manifest.
type Entry struct {
	ID                    string
	PublicKey             []byte
	ValidFrom, ValidUntil uint64
	Revocation            pb.Revocation
	CompromisedSince      uint64
}

// Manifest is one that was verified.
type Manifest struct {
	Kind    pb.FileKind
	SiteID  string
	Serial  uint32
	Entries []Entry
	Payload []byte
}

// ReadManifest verifies a manifest under the newest agreement (PRV-33 to PRV-36).
func ReadManifest(crypto Crypto, data []byte, wanted pb.FileKind, agreement *Agreement) (*Manifest, error) {
	organisation := agreement.HisOrganisationKey
	if wanted == pb.FileKind_FILE_KIND_DEVICE_MANIFEST {
		organisation = agreement.PosOrganisationKey
	}
	return verifyManifest(crypto, data, wanted, organisation, agreement.SiteId)
}

// ReadDevices verifies a manifest of devices under the newest agreement.
func ReadDevices(crypto Crypto, data []byte, agreement *Agreement) (*Manifest, error) {
	return ReadManifest(crypto, data, pb.FileKind_FILE_KIND_DEVICE_MANIFEST, agreement)
}

// ReadTerminals verifies a manifest of terminals under the newest agreement.
func ReadTerminals(crypto Crypto, data []byte, agreement *Agreement) (*Manifest, error) {
	return ReadManifest(crypto, data, pb.FileKind_FILE_KIND_TERMINAL_MANIFEST, agreement)
}

func verifyManifest(crypto Crypto, data []byte, wanted pb.FileKind, organisation []byte, siteID string) (*Manifest, error) {
	file, err := readFile(data, wanted)
	if err != nil {
		return nil, err
	}
	manifest, err := parseManifest(wanted, file.Payload)
	if err != nil {
		return nil, err
	}
	keys := map[string]bool{}
	for at, entry := range manifest.Entries {
		if at > 0 && manifest.Entries[at-1].ID >= entry.ID || keys[string(entry.PublicKey)] {
			return nil, FileRefused{"PRV-34", "ids that do not ascend, or a key that stands twice"}
		}
		keys[string(entry.PublicKey)] = true
	}
	for _, entry := range manifest.Entries {
		if err := judgeEntry(entry); err != nil {
			return nil, err
		}
	}
	if !file.isSignedBy(crypto, organisation) || manifest.SiteID != siteID {
		return nil, FileRefused{"PRV-33", "not signed by the organisation, or of another site"}
	}
	return manifest, nil
}

// ManifestOf gives a manifest whose signature was verified before, from its payload.
func ManifestOf(kind pb.FileKind, payload []byte) (*Manifest, error) { return parseManifest(kind, payload) }

func judgeEntry(entry Entry) error {
	if !isUsableKey(entry.PublicKey) || entry.ValidFrom > entry.ValidUntil {
		return FileRefused{"PRV-35", entry.ID + ": key or dates"}
	}
	_, isKnown := pb.Revocation_name[int32(entry.Revocation)]
	isCompromised := entry.Revocation == pb.Revocation_REVOCATION_COMPROMISED
	if !isKnown || (entry.CompromisedSince != 0) != isCompromised {
		return FileRefused{"PRV-36", entry.ID + ": revocation"}
	}
	return nil
}

// parseManifest gives the manifest in a payload that was validated.
func parseManifest(kind pb.FileKind, payload []byte) (*Manifest, error) {
	found := &Manifest{Kind: kind, Payload: payload}
	if kind == pb.FileKind_FILE_KIND_DEVICE_MANIFEST {
		var manifest pb.DeviceManifest
		if err := proto.Unmarshal(payload, &manifest); err != nil {
			return nil, err
		}
		found.SiteID, found.Serial = manifest.SiteId, manifest.Serial
		for _, item := range manifest.Devices {
			found.Entries = append(found.Entries, Entry{
				item.DeviceId, item.PublicKey, item.ValidFrom, item.ValidUntil, item.Revocation, item.CompromisedSince,
			})
		}
		return found, nil
	}
	var manifest pb.TerminalManifest
	if err := proto.Unmarshal(payload, &manifest); err != nil {
		return nil, err
	}
	found.SiteID, found.Serial = manifest.SiteId, manifest.Serial
	for _, item := range manifest.Terminals {
		found.Entries = append(found.Entries, Entry{
			item.TerminalId, item.PublicKey, item.ValidFrom, item.ValidUntil, item.Revocation, item.CompromisedSince,
		})
	}
	return found, nil
}

// Entry gives the entry of an id.
func (m *Manifest) Entry(id string) (Entry, bool) {
	for _, entry := range m.Entries {
		if entry.ID == id {
			return entry, true
		}
	}
	return Entry{}, false
}

// Registry gives keys by ids, for the key exchange; a POS does not take compromised terminals in (KEX-2).
func (m *Manifest) Registry() map[string][]byte {
	isPos := m.Kind == pb.FileKind_FILE_KIND_TERMINAL_MANIFEST
	registry := map[string][]byte{}
	for _, entry := range m.Entries {
		if !isPos || entry.Revocation != pb.Revocation_REVOCATION_COMPROMISED {
			registry[entry.ID] = entry.PublicKey
		}
	}
	return registry
}

// CheckAgreementSuccession tells whether the payload of a newer agreement may follow the held one (PRV-28, PRV-29).
func CheckAgreementSuccession(held, newer []byte) error {
	before, err := newAgreement(held)
	if err != nil {
		return err
	}
	behind, err := newAgreement(newer)
	switch {
	case err != nil:
		return err
	case before.SiteId != behind.SiteId:
		return FileRefused{"PRV-28", "an agreement of another site"}
	case behind.AgreementNo < before.AgreementNo:
		return FileRefused{"PRV-29", "an older agreement"}
	case behind.AgreementNo == before.AgreementNo && !bytes.Equal(held, newer):
		return FileRefused{"PRV-29", "another agreement of the same number"}
	}
	return nil
}

// CheckManifestSuccession tells whether the payload of a newer manifest may follow the held one (PRV-37 to PRV-39).
func CheckManifestSuccession(kind pb.FileKind, held, newer []byte) error {
	before, err := parseManifest(kind, held)
	if err != nil {
		return err
	}
	behind, err := parseManifest(kind, newer)
	switch {
	case err != nil:
		return err
	case before.SiteID != behind.SiteID:
		return FileRefused{"PRV-33", "a manifest of another site"}
	case behind.Serial < before.Serial || behind.Serial == before.Serial && !bytes.Equal(held, newer):
		return FileRefused{"PRV-37", "an older manifest, or another one of the same serial"}
	}
	for _, entry := range before.Entries {
		follower, isThere := behind.Entry(entry.ID)
		switch {
		case !isThere || !bytes.Equal(follower.PublicKey, entry.PublicKey):
			return FileRefused{"PRV-38", entry.ID + " is gone or has another key"}
		case follower.Revocation < entry.Revocation:
			return FileRefused{"PRV-39", entry.ID + ": a revocation is taken back"}
		case entry.CompromisedSince != 0 && follower.CompromisedSince > entry.CompromisedSince:
			return FileRefused{"PRV-39", entry.ID + ": compromised later"}
		}
	}
	return nil
}
