#include <stdio.h>
#include <string.h>
#include <time.h>

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "scimctl/doctor.h"

#define OWN_CERTIFICATE "/var/lib/scimd/tls/cert.pem"
#define DAY_S ((time_t)24 * 60 * 60)
#define WARN_DAYS 30

static void file_done(gnutls_datum_t *file)
{
	gnutls_free(file->data);
}

static void certificate_donep(gnutls_x509_crt_t *certificate)
{
	if (*certificate)
		gnutls_x509_crt_deinit(*certificate);
}

static void dates(struct doctor *doctor, const char *path, gnutls_x509_crt_t certificate)
{
	const char *fix = doctor->conf && doctor->conf->server.tls_cert
				  ? "renew it; systemctl reload scimd"
				  : "rm /var/lib/scimd/tls/*.pem; systemctl restart scimd";
	time_t now = time(NULL), end = gnutls_x509_crt_get_expiration_time(certificate);
	long days = (long)((end - now) / DAY_S);

	if (end <= now)
		doctor_report(doctor, "certificate", DOCTOR_FAILURE, fix,
			      "%s ended %ld days ago: no identity provider pushes any more", path,
			      -days);
	else if (gnutls_x509_crt_get_activation_time(certificate) > now)
		doctor_report(doctor, "certificate", DOCTOR_FAILURE, "timedatectl",
			      "%s is not valid yet", path);
	else
		doctor_report(doctor, "certificate", days < WARN_DAYS ? DOCTOR_WARNING : DOCTOR_OK,
			      fix, "%s ends in %ld days", path, days);
}

void doctor_certificate(struct doctor *doctor)
{
	_cleanup_(certificate_donep) gnutls_x509_crt_t certificate = NULL;
	_cleanup_(file_done) gnutls_datum_t file = { NULL, 0 };
	const char *path = doctor->conf && doctor->conf->server.tls_cert
				   ? doctor->conf->server.tls_cert
				   : OWN_CERTIFICATE;
	int r = gnutls_load_file(path, &file);

	if (r >= 0)
		r = gnutls_x509_crt_init(&certificate);
	if (r >= 0)
		r = gnutls_x509_crt_import(certificate, &file, GNUTLS_X509_FMT_PEM);
	if (r < 0) {
		doctor_report(doctor, "certificate", DOCTOR_FAILURE, "systemctl restart scimd",
			      "%s: %s", path, gnutls_strerror(r));
		return;
	}
	dates(doctor, path, certificate);
	if (gnutls_x509_crt_check_issuer(certificate, certificate) &&
	    doctor->conf && strncmp(doctor->conf->server.listen, "127.", 4) != 0)
		doctor_report(doctor, "certificate", DOCTOR_WARNING,
			      "set tls_cert and tls_key in /etc/scimd/scimd.conf",
			      "%s is self-signed, which identity providers refuse", path);
}
