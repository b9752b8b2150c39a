// Names SoftHSM's tests, a line each; or runs the one that is named, in a process of its own: some of
// them fork, and go on with the rest of the tests in the child if one fails there.
#include <cppunit/Test.h>
#include <cppunit/TestFailure.h>
#include <cppunit/TestResult.h>
#include <cppunit/TestResultCollector.h>
#include <cppunit/extensions/TestFactoryRegistry.h>
#include <cppunit/Exception.h>
#include <cppunit/SourceLine.h>
#include <iostream>
#include <string>
#include <vector>

static void single(CPPUNIT_NS::Test *test, std::vector<CPPUNIT_NS::Test *> &found)
{
	if (test->getChildTestCount() == 0) found.push_back(test);
	for (int i = 0; i < test->getChildTestCount(); i++) single(test->getChildTestAt(i), found);
}

int main(int argc, char **argv)
{
	std::vector<CPPUNIT_NS::Test *> tests;
	single(CPPUNIT_NS::TestFactoryRegistry::getRegistry().makeTest(), tests);
	if (argc < 2) {
		for (CPPUNIT_NS::Test *test : tests) std::cout << test->getName() << std::endl;
		return 0;
	}
	for (CPPUNIT_NS::Test *test : tests) {
		if (test->getName() != argv[1]) continue;
		CPPUNIT_NS::TestResult result;
		CPPUNIT_NS::TestResultCollector collector;
		result.addListener(&collector);
		test->run(&result);
		for (CPPUNIT_NS::TestFailure *failure : collector.failures()) {
			const CPPUNIT_NS::SourceLine line = failure->sourceLine();
			std::string file = line.fileName();
			std::cout << file.substr(file.rfind('/') + 1) << ":" << line.lineNumber() << " "
				<< failure->thrownException()->what() << std::endl;
		}
		return collector.wasSuccessful() ? 0 : 1;
	}
	std::cout << "there is no such test" << std::endl;
	return 2;
}
