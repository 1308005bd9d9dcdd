package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// A control plane lives for hours; its credentials need not live much longer.
const validity = 30 * 24 * time.Hour

type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// certify writes ca.crt and server.{crt,key} for servers of the testbed that speak TLS: certify DIRECTORY HOST...
func certify() {
	if len(os.Args) < 3 {
		fail(fmt.Errorf("usage: certify DIRECTORY HOST..."))
	}
	made, err := newAuthority()
	if err != nil {
		fail(err)
	}
	certificate, key, err := made.serverCertificate(os.Args[2:])
	if err != nil {
		fail(err)
	}
	err = writeFiles(os.Args[1], map[string][]byte{
		"ca.crt":     encodeCertificate(made.certificate.Raw),
		"server.crt": certificate,
		"server.key": key,
	})
	if err != nil {
		fail(err)
	}
}

func newAuthority() (*authority, error) {
	key, err := newKey()
	if err != nil {
		return nil, err
	}
	template := certificateTemplate(pkix.Name{CommonName: "podmend testbed"})
	template.IsCA = true
	template.BasicConstraintsValid = true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	return &authority{certificate, key}, err
}

// makeCredentials writes ca.crt, server.{crt,key}, admin.{crt,key} and service-account.key.
func makeCredentials(directory string) (*authority, error) {
	made, err := newAuthority()
	if err != nil {
		return nil, err
	}
	serverCertificate, serverKey, err := made.serverCertificate([]string{
		"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "127.0.0.1", "::1", "10.96.0.1",
	})
	if err != nil {
		return nil, err
	}
	adminCertificate, adminKey, err := made.clientCertificate("kubernetes-admin", []string{"system:masters"})
	if err != nil {
		return nil, err
	}
	serviceAccountKey, err := newKey()
	if err != nil {
		return nil, err
	}
	serviceAccount, err := encodeKey(serviceAccountKey)
	if err != nil {
		return nil, err
	}
	return made, writeFiles(directory, map[string][]byte{
		"ca.crt":              encodeCertificate(made.certificate.Raw),
		"server.crt":          serverCertificate,
		"server.key":          serverKey,
		"admin.crt":           adminCertificate,
		"admin.key":           adminKey,
		"service-account.key": serviceAccount,
	})
}

func writeFiles(directory string, files map[string][]byte) error {
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(directory, name), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func (a *authority) serverCertificate(hosts []string) (certificate, key []byte, err error) {
	template := certificateTemplate(pkix.Name{CommonName: hosts[0]})
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	return a.issue(template)
}

// clientCertificate: for the API server the common name is the user and the organizations are the groups.
func (a *authority) clientCertificate(user string, groups []string) (certificate, key []byte, err error) {
	if user == "" {
		return nil, nil, fmt.Errorf("a user name is needed")
	}
	template := certificateTemplate(pkix.Name{CommonName: user, Organization: groups})
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	return a.issue(template)
}

func (a *authority) issue(template *x509.Certificate) (certificate, key []byte, err error) {
	private, err := newKey()
	if err != nil {
		return nil, nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, &private.PublicKey, a.key)
	if err != nil {
		return nil, nil, err
	}
	key, err = encodeKey(private)
	return encodeCertificate(der), key, err
}

func certificateTemplate(subject pkix.Name) *x509.Certificate {
	serial, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      subject,
		NotBefore:    time.Now().Add(-time.Minute),
		NotAfter:     time.Now().Add(validity),
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}
}

func newKey() (*ecdsa.PrivateKey, error) {
	return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
}

func encodeKey(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalECPrivateKey(key)
	return pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), err
}

func encodeCertificate(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}
