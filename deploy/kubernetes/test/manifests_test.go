// Package test builds the manifests of this folder as kubectl apply -k does, decodes them strictly as
// an API server does, and looks whether they keep their promises. It is a module of its own, so that
// attachd does not depend on Kubernetes.
//
// What only a cluster can tell is not tested here: whether the network policy is enforced, for
// instance. make test-container plays the pod.
package test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"testing"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// kinds are the objects that may be there, each as its API decodes it.
var kinds = map[string]func() any{
	"ConfigMap":             func() any { return new(core.ConfigMap) },
	"Deployment":            func() any { return new(apps.Deployment) },
	"NetworkPolicy":         func() any { return new(networking.NetworkPolicy) },
	"PersistentVolumeClaim": func() any { return new(core.PersistentVolumeClaim) },
	"PodMonitor":            func() any { return new(monitoring.PodMonitor) },
	"Secret":                func() any { return new(core.Secret) },
	"Service":               func() any { return new(core.Service) },
}

// build returns the objects of a folder by kind, and their text.
func build(t *testing.T, folder string) (objects map[string]any, text []byte) {
	t.Helper()
	return buildAt(t, filepath.Join("..", folder))
}

func buildAt(t *testing.T, folder string) (objects map[string]any, text []byte) {
	t.Helper()
	made, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), folder)
	if err != nil {
		t.Fatal(err)
	}
	objects = make(map[string]any)
	for _, one := range made.Resources() {
		raw, err := one.AsYAML()
		if err != nil {
			t.Fatal(err)
		}
		make, known := kinds[one.GetKind()]
		if !known {
			t.Fatalf("no test knows the kind %s", one.GetKind())
		}
		object := make()
		if err := yaml.UnmarshalStrict(raw, object); err != nil {
			t.Errorf("%s: %v\n%s", one.GetKind(), err, raw)
		}
		if objects[one.GetKind()] != nil {
			t.Errorf("two objects of kind %s", one.GetKind())
		}
		objects[one.GetKind()] = object
		text = append(append(text, "---\n"...), raw...)
	}
	return objects, text
}

// TestMisspelt: strict decoding finds what a server would.
func TestMisspelt(t *testing.T) {
	for kind, make := range kinds {
		if err := yaml.UnmarshalStrict([]byte("spek: {}\n"), make()); err == nil {
			t.Errorf("a misspelt field of a %s passes", kind)
		}
	}
}

// TestBuild: base and example decode, the base names no namespace, the example names one
// everywhere. With ATTACHD_MANIFESTS=FILE, it writes the example there, for other tests.
func TestBuild(t *testing.T) {
	for folder, want := range map[string]string{"base": "", "example": "mail"} {
		objects, text := build(t, folder)
		for kind, object := range objects {
			if got := reflect.ValueOf(object).Elem().FieldByName("Namespace").String(); got != want {
				t.Errorf("%s: the namespace of the %s is %q, want %q", folder, kind, got, want)
			}
		}
		if to := os.Getenv("ATTACHD_MANIFESTS"); to != "" && folder == "example" {
			if err := os.WriteFile(to, text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestOneAtATime: never two of them, and time to stop.
func TestOneAtATime(t *testing.T) {
	d := deployment(t)
	if *d.Spec.Replicas != 1 || d.Spec.Strategy.Type != apps.RecreateDeploymentStrategyType {
		t.Errorf("%d replicas by %s", *d.Spec.Replicas, d.Spec.Strategy.Type)
	}
	if grace := *d.Spec.Template.Spec.TerminationGracePeriodSeconds; grace < 15 {
		t.Errorf("%d s to stop; attachd takes up to 10", grace)
	}
}

// TestRestricted: the pod keeps the rules of the standard "restricted" of Pod Security.
func TestRestricted(t *testing.T) {
	pod := deployment(t).Spec.Template.Spec
	of, in := pod.SecurityContext, attachd(t).SecurityContext
	for what, kept := range map[string]bool{
		"runAsNonRoot":             *of.RunAsNonRoot && *of.RunAsUser != 0,
		"seccomp":                  of.SeccompProfile.Type == core.SeccompProfileTypeRuntimeDefault,
		"allowPrivilegeEscalation": !*in.AllowPrivilegeEscalation,
		"capabilities":             slices.Equal(in.Capabilities.Drop, []core.Capability{"ALL"}) && len(in.Capabilities.Add) == 0,
		"the root file system":     *in.ReadOnlyRootFilesystem,
		"no token of the API":      !*pod.AutomountServiceAccountToken,
		"fsGroup":                  of.FSGroup != nil,
	} {
		if !kept {
			t.Errorf("%s is not as it should be", what)
		}
	}
}

// TestMounts: configuration and secrets are folders, which the kubelet keeps up to date, and every
// path that the configuration names lies in one of the mounts.
func TestMounts(t *testing.T) {
	objects, _ := build(t, "example")
	var mounts []string
	for _, m := range attachd(t).VolumeMounts {
		if m.SubPath != "" || m.SubPathExpr != "" {
			t.Errorf("%s is mounted by subPath, which is not updated", m.MountPath)
		}
		mounts = append(mounts, m.MountPath)
	}
	config := objects["ConfigMap"].(*core.ConfigMap).Data["attachd.yaml"]
	paths := regexp.MustCompile(`: (/[^\s]+)`).FindAllStringSubmatch(config, -1)
	if len(paths) < 4 {
		t.Fatalf("the configuration names %d paths:\n%s", len(paths), config)
	}
	for _, path := range paths {
		if !slices.Contains(mounts, filepath.Dir(path[1])) {
			t.Errorf("%s lies in none of %v", path[1], mounts)
		}
	}
	secret := objects["Secret"].(*core.Secret)
	for _, path := range regexp.MustCompile(`/etc/attachd-secrets/(\S+)`).FindAllStringSubmatch(config, -1) {
		if len(secret.Data[path[1]]) == 0 {
			t.Errorf("the Secret has no %s", path[1])
		}
	}
}

// TestSelectors: what selects the pod by its labels selects it.
func TestSelectors(t *testing.T) {
	objects, _ := build(t, "example")
	labels := deployment(t).Spec.Template.Labels
	for what, selector := range map[string]map[string]string{
		"Deployment":    deployment(t).Spec.Selector.MatchLabels,
		"Service":       objects["Service"].(*core.Service).Spec.Selector,
		"NetworkPolicy": objects["NetworkPolicy"].(*networking.NetworkPolicy).Spec.PodSelector.MatchLabels,
		"PodMonitor":    objects["PodMonitor"].(*monitoring.PodMonitor).Spec.Selector.MatchLabels,
	} {
		if len(selector) == 0 {
			t.Errorf("the %s selects everything", what)
		}
		for key, value := range selector {
			if labels[key] != value {
				t.Errorf("the %s selects %s=%s, and the pod has %v", what, key, value, labels)
			}
		}
	}
}

// TestPorts: probes, the service, the policy and the monitor name the port that attachd listens on.
func TestPorts(t *testing.T) {
	objects, _ := build(t, "example")
	container := attachd(t)
	if len(container.Ports) != 1 || container.Ports[0].Name != "http" {
		t.Fatalf("ports %v", container.Ports)
	}
	listen := fmt.Sprintf("listen: 0.0.0.0:%d\n", container.Ports[0].ContainerPort)
	if config := objects["ConfigMap"].(*core.ConfigMap).Data["attachd.yaml"]; !bytes.Contains([]byte(config), []byte(listen)) {
		t.Errorf("the configuration does not say %s", listen)
	}
	for what, got := range map[string]string{
		"startup probe":   container.StartupProbe.HTTPGet.Port.String(),
		"liveness probe":  container.LivenessProbe.HTTPGet.Port.String(),
		"readiness probe": container.ReadinessProbe.HTTPGet.Port.String(),
		"Service":         objects["Service"].(*core.Service).Spec.Ports[0].TargetPort.String(),
		"NetworkPolicy":   objects["NetworkPolicy"].(*networking.NetworkPolicy).Spec.Ingress[0].Ports[0].Port.String(),
		"PodMonitor":      *objects["PodMonitor"].(*monitoring.PodMonitor).Spec.PodMetricsEndpoints[0].Port,
	} {
		if got != "http" {
			t.Errorf("the %s names port %s", what, got)
		}
	}
	if monitor := objects["PodMonitor"].(*monitoring.PodMonitor); len(objects["Secret"].(*core.Secret).Data[monitor.Spec.PodMetricsEndpoints[0].Authorization.Credentials.Key]) == 0 {
		t.Error("the monitor's token is not in the Secret")
	}
}

// TestCopy: what README.md says to copy builds elsewhere, and is the same.
func TestCopy(t *testing.T) {
	_, want := build(t, "example")
	copied := filepath.Join(t.TempDir(), "mail-attachd")
	if err := os.CopyFS(copied, os.DirFS("..")); err != nil {
		t.Fatal(err)
	}
	if _, got := buildAt(t, filepath.Join(copied, "example")); !bytes.Equal(got, want) {
		t.Errorf("the copy is\n%s\nnot\n%s", got, want)
	}
}

// TestMonitor: the Prometheus operator makes a job of the PodMonitor that the alerts find, and a header
// of the token that HTTP allows: it sends what stands in the Secret, a line end included.
func TestMonitor(t *testing.T) {
	objects, _ := build(t, "example")
	for key, value := range objects["Secret"].(*core.Secret).Data {
		if len(value) == 0 || !bytes.Equal(value, bytes.TrimSpace(value)) {
			t.Errorf("the Secret's %s is %q", key, value)
		}
	}
	job := deployment(t).Spec.Template.Labels[objects["PodMonitor"].(*monitoring.PodMonitor).Spec.JobLabel]
	alerts, err := os.ReadFile("../../grafana/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if down := fmt.Sprintf("expr: up{job=%q} == 0\n", job); !bytes.Contains(alerts, []byte(down)) {
		t.Errorf("no alert asks %s", down)
	}
}

// TestHosts: the page answers to the names that the Service has in the cluster.
func TestHosts(t *testing.T) {
	objects, _ := build(t, "example")
	service := objects["Service"].(*core.Service)
	short := service.Name + "." + service.Namespace
	want := fmt.Sprintf("hosts: [%s, %s, %[2]s.svc, %[2]s.svc.cluster.local]\n", service.Name, short)
	if config := objects["ConfigMap"].(*core.ConfigMap).Data["attachd.yaml"]; !bytes.Contains([]byte(config), []byte(want)) {
		t.Errorf("the configuration does not say %s", want)
	}
}

func deployment(t *testing.T) *apps.Deployment {
	t.Helper()
	objects, _ := build(t, "example")
	return objects["Deployment"].(*apps.Deployment)
}

func attachd(t *testing.T) core.Container {
	t.Helper()
	containers := deployment(t).Spec.Template.Spec.Containers
	if len(containers) != 1 {
		t.Fatalf("%d containers", len(containers))
	}
	return containers[0]
}
