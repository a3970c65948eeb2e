#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "scimctl/doctor.h"

#define OWN_CERTIFICATE "/var/lib/scimd/tls/cert.pem"
#define DAY_S ((time_t)24 * 60 * 60)
#define WARN_DAYS 30
#define FILE_MAX_BYTES (1 << 20)

/* The file as text, owned, in *ret. scimd's own lies in a folder of scimd's, who may have put anything
 * there: a pipe, a device, a link to one. 0, or -errno. */
static int file_read(const char *path, bool own, char **ret)
{
	_cleanup_close_ int fd = open(path, O_PATH | O_CLOEXEC | (own ? O_NOFOLLOW : 0));
	_cleanup_free_ char *text = calloc(1, FILE_MAX_BYTES + 1);
	_cleanup_close_ int file = -1;
	char again[64];
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size > FILE_MAX_BYTES)
		return -EINVAL;
	(void)snprintf(again, sizeof(again), "/proc/self/fd/%d", fd);
	file = open(again, O_RDONLY | O_CLOEXEC);
	if (file < 0 || !text || read(file, text, FILE_MAX_BYTES) < 0)
		return -errno;
	*ret = TAKE_PTR(text);
	return 0;
}

static int certificate_read(const char *text, gnutls_x509_crt_t *ret)
{
	const gnutls_datum_t file = { (unsigned char *)(uintptr_t)text,
				      (unsigned int)strlen(text) };
	int r = gnutls_x509_crt_init(ret);

	return r < 0 ? r : gnutls_x509_crt_import(*ret, &file, GNUTLS_X509_FMT_PEM);
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
	_cleanup_free_ char *text = NULL;
	const char *path = doctor->conf && doctor->conf->server.tls_cert
				   ? doctor->conf->server.tls_cert
				   : OWN_CERTIFICATE;
	int r = file_read(path, strcmp(path, OWN_CERTIFICATE) == 0, &text), import = 0;

	if (r == 0)
		import = certificate_read(text, &certificate);
	if (r < 0 || import < 0) {
		doctor_report(doctor, "certificate", DOCTOR_FAILURE, "systemctl restart scimd",
			      "%s: %s", path, r < 0 ? strerror(-r) : gnutls_strerror(import));
		return;
	}
	dates(doctor, path, certificate);
	if (gnutls_x509_crt_check_issuer(certificate, certificate) &&
	    doctor->conf && strncmp(doctor->conf->server.listen, "127.", 4) != 0)
		doctor_report(doctor, "certificate", DOCTOR_WARNING,
			      "set tls_cert and tls_key in /etc/scimd/scimd.conf",
			      "%s is self-signed, which identity providers refuse", path);
}
