// Command kube holds the parts of Kubernetes that the project's tests talk
// to: etcd, kube-apiserver and kubectl, as one program. The name it is called
// by says which one it is (links do that), or else its first argument.
//
// With SIDEGATE_KUBE_ENDS_WITH_STDIN in its environment it also ends when its
// standard input does, so that a server never outlives the test that owns it.
package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	kubectl "k8s.io/kubectl/pkg/cmd"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
)

func run(command *cobra.Command) { os.Exit(cli.Run(command)) }

// part runs what name means, and returns only if that is nothing.
func part(name string) {
	switch name {
	case "etcd":
		etcdmain.Main(os.Args)
		os.Exit(0)
	case "kube-apiserver":
		run(apiserver.NewAPIServerCommand())
	case "kubectl":
		run(kubectl.NewDefaultKubectlCommand())
	}
}

func main() {
	if os.Getenv("SIDEGATE_KUBE_ENDS_WITH_STDIN") != "" {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			os.Exit(1)
		}()
	}
	part(filepath.Base(os.Args[0]))
	if len(os.Args) > 1 {
		os.Args = os.Args[1:]
		part(os.Args[0])
	}
	fmt.Fprintln(os.Stderr, "usage: kube etcd|kube-apiserver|kubectl [flags]")
	os.Exit(64)
}
