// Command statuscheck judges the status of Kubernetes resources as Flux does: by kstatus, and by
// the checkers of Flux's own status conditions.
//
// It reads objects as lines of JSON from standard input, and answers each with a line: kstatus'
// verdict, and the rules that the conditions break, failures and warnings alike. An object whose
// condition Reconciling has the reason Progressing is in the middle of an attempt, and judged by
// the checker for such; every other one is judged as the end of an attempt.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	"github.com/fluxcd/pkg/runtime/conditions/check"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	kerrors "k8s.io/apimachinery/pkg/util/errors"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
)

const longestLine = 4 << 20

type verdict struct {
	Kstatus string   `json:"kstatus"`
	Message string   `json:"message"`
	Running bool     `json:"running"`
	Broken  []string `json:"broken"`
}

type judge struct {
	finished, running *check.Checker
}

func newJudge() judge {
	finished := check.NewChecker(nil, &check.Conditions{
		NegativePolarity: []string{meta.StalledCondition, meta.ReconcilingCondition},
	})
	running := check.NewInProgressChecker(nil)
	finished.DisableFetch, running.DisableFetch = true, true
	return judge{finished, running}
}

func (j judge) judge(line []byte) (verdict, error) {
	object := &unstructured.Unstructured{}
	if err := object.UnmarshalJSON(line); err != nil {
		return verdict{}, fmt.Errorf("reading an object: %w", err)
	}
	computed, err := status.Compute(object)
	if err != nil {
		return verdict{}, fmt.Errorf("kstatus of %s: %w", object.GetName(), err)
	}
	getter := conditions.UnstructuredGetter(object)
	running := conditions.GetReason(getter, meta.ReconcilingCondition) == meta.ProgressingReason
	found := verdict{
		Kstatus: computed.Status.String(), Message: computed.Message, Running: running,
		Broken: []string{},
	}
	checker := j.finished
	if running {
		checker = j.running
	}
	fail, warn := checker.Check(context.Background(), getter)
	for _, err := range []error{fail, warn} {
		if aggregate, ok := err.(kerrors.Aggregate); ok {
			for _, one := range aggregate.Errors() {
				found.Broken = append(found.Broken, one.Error())
			}
		} else if err != nil {
			found.Broken = append(found.Broken, err.Error())
		}
	}
	return found, nil
}

func run(in io.Reader, out io.Writer) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, longestLine)
	answers := json.NewEncoder(out)
	judge := newJudge()
	for lines.Scan() {
		found, err := judge.judge(lines.Bytes())
		if err != nil {
			return err
		}
		if err := answers.Encode(found); err != nil {
			return err
		}
	}
	return lines.Err()
}

func main() {
	out := bufio.NewWriter(os.Stdout)
	err := run(os.Stdin, out)
	if flushed := out.Flush(); err == nil {
		err = flushed
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "statuscheck:", err)
		os.Exit(1)
	}
}
